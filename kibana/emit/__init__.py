"""The dashboards as Kibana's saved objects and API bodies."""
