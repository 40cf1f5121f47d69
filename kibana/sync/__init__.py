"""Sync artefacts with a Kibana: plan, apply, delete.

`remote_objects` reads, compares and writes each kind; `plan` compares, `apply` and `delete` write.
Requests go to Kibana through `mlmon.kibana.sync.api`; watches go to Elasticsearch.
"""
