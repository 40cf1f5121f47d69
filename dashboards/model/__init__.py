"""The panel model: what is measured of which documents, and how it is drawn.

A `Chart` names its source, the axes that divide the documents, what is measured in each part, and
how it is drawn. `query` returns its search body and `rows` reads the answer; `vega_lite` and
`kibana/emit` draw it. Analyzers declare metrics, of which `finding_chart` makes charts; dashboards
declare charts of logs themselves. All is pure.
"""
