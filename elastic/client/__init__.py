"""The one seam to Elasticsearch: connection, cluster, documents, capabilities."""
