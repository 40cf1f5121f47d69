"""The stored events as profiles ask for them: surveys, aggregations and single hits."""
