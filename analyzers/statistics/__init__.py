"""Statistics of bucketed samples, each with the interval that provably holds the raw rows' value.

Pure functions of counts: no Elasticsearch, no files, no clock. One file, one statistic; the file's
docstring says what it asks, its formula, why its bounds hold, and the paper. The statistics take
`buckets.Buckets` (numbers), mappings of category to count, or `scores.ScoreBuckets` (scores with
labels), and answer with an `interval.Interval` where buckets hide the exact value.
"""
