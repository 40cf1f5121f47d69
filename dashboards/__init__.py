"""Dashboards as declarations: what is asked and how it is drawn, whoever draws it."""
