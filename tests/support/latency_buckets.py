"""The buckets of latencies, computed without Elasticsearch."""

from mlmon.analyzers.profiles.kinds.access import FIRST_OCTAVE, LAST_OCTAVE, PARTS

_LEAST, _MOST = 1 << FIRST_OCTAVE, 1 << (LAST_OCTAVE + 1)


def bucket_of(nanoseconds: int) -> int:
    """Return the lower end of the bucket that holds a duration."""
    if nanoseconds < _LEAST:
        return 0
    if nanoseconds >= _MOST:
        return _MOST
    width = (1 << (nanoseconds.bit_length() - 1)) // PARTS
    return nanoseconds // width * width
