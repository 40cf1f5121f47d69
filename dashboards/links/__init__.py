"""Links from a finding into Kibana."""
