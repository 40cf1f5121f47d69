"""How long every panel, search and the report take over 90 days of findings and profiles.

Usage: python tests/benchmarks/bench_dashboards.py [--days 90] [--home DIR]

Starts an embedded node of its own and fills it with what analyzers write in that time: some 1,500
findings and 250 profiles a day, and the predictions, requests and labels that the panels on logs
read. Then it asks every panel and saved search of every dashboard, its analyzers' panels included, as
`mlmon serve` and Lens ask them; each three times, of which the median counts. The node's request
cache is off. The limits are those of docs/kibana.md; it exits with 1 where one is missed.
"""
