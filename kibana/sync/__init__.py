"""Artefacts and a live Kibana: what is there, what would change, and changing it.

`things` knows how each kind is read, compared and written; `plan` compares, `apply` and `delete`
write. All of it speaks to Kibana through `mlmon.kibana.sync.api`, and of watches to Elasticsearch.
"""
