"""Statistics of bucketed samples, each with the interval that provably holds the raw rows' value.

Pure functions of counts: no Elasticsearch, no files, no clock. One file, one statistic; the file's
docstring gives its question, its formula, why its bounds hold, and the paper. The statistics take
`buckets.Buckets` (numbers), rows per category, or `labeled_scores.LabeledScores`, and answer with
an `interval.Interval` where buckets hide the exact value. `empty_sample.EmptySampleError` is raised
where there is nothing to ask.
"""
