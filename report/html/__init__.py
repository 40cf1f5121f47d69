"""The HTML report: one file from findings, incidents, panels and a scenario's truth.

`series` sorts findings into one series per check, `buckets` aggregates a series to what can be
drawn, `incident_list` prepares the stored incidents, `alert_rows` the table of alerts,
`strips` and `charts` the drawings, `view` combines all, `page` renders it. Everything here is pure;
`mlmon.report.commands` reads the findings and incidents and writes the file.
"""
