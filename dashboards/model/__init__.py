"""The panel model: what is asked of which documents, and how it is drawn.

A `Chart` says which source it asks, by which axes it divides the documents, what it measures in
each part, and how that is drawn. `query` makes the search body of it and `rows` reads the answer;
the emitters make Kibana's objects of it. Analyzers declare a `Panel`, of
which `finding_chart` makes `Chart`s; dashboards declare charts of logs themselves. All is pure.
"""
