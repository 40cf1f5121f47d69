"""The HTML report: one file from findings, panels and a scenario's truth.

`series` sorts findings into one series per check, `buckets` aggregates a series to what can be
drawn, `spells` and `troubles` find problems and their start, `strips` and `charts` prepare the
drawings, `view` combines all, `page` renders it. Everything here is pure; `mlmon.report.commands`
reads the findings and writes the file.
"""
