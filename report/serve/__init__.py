"""`mlmon serve`: the dashboards live on loopback, for those without Kibana."""
