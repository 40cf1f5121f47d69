"""Policies compiled for Kibana's rules and Watcher."""
