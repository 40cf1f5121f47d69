"""Profiles: one small, mergeable summary per window, made by aggregations inside Elasticsearch.

A profile holds only what adds up, so a day or a week is a sum of profiles and never a new scan;
raw logs may be deleted long before the profiles made from them.
"""
