"""Findings for people without Kibana: an HTML report, pages in a browser, a terminal."""
