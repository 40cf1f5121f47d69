"""The only place that writes Vega-Lite: from the panel model and its data to a specification.

`chart` draws a dashboard's chart, `picture` what Lens cannot draw, and `history` one check over
time. The report and `mlmon serve` embed the result; Kibana's Vega panels hold it.
"""
