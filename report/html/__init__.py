"""The local report: findings, panels and a scenario's truth become one HTML file.

The way through the package: `series` sorts findings into one series per check, `buckets` makes each
of them small enough to draw, `spells` and `troubles` find what went wrong and since when, `strips`
and `charts` draw, `view` puts it together, `page` writes it down. Everything here is pure;
`mlmon.kibana.commands` reads the store and writes the file.
"""
