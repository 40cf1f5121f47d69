"""The name of a series: the same question asked of the same thing, window after window.

Alerts are raised per series, in mlmon as in Kibana and Watcher, which group by one keyword. The
name is read by people in those, so it is words and not a digest.
"""

from __future__ import annotations

import hashlib
import json
import re

# Elasticsearch does not index a keyword of more than 1024 characters.
_LONGEST = 1_000
_PLAIN = re.compile(r"[^\s\"=]+")


def series_name(analyzer: str, metric: str, **about: str | None) -> str:
    """Return a series' name, different for different series.

    >>> series_name("data_quality", "missing.rate", subject="job title", model="a", version=None)
    'data_quality missing.rate subject="job title" model=a'
    """
    named = (f"{key}={_quoted(value)}" for key, value in about.items() if value is not None)
    name = " ".join([_quoted(analyzer), _quoted(metric), *named])
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 24]}… {hashlib.sha256(name.encode()).hexdigest()[:20]}"


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
