"""The rules file as text: YAML for people and Prometheus."""

from __future__ import annotations

from typing import Any

import yaml

_HEADER = "# Written by `mlmon prometheus rules`. Metrics: docs/reference/metrics.md.\n"
_WIDTH = 100


def rules_text(rules: dict[str, Any]) -> str:
    """Return a rules file's content as YAML."""
    body: str = yaml.safe_dump(rules, sort_keys=False, width=_WIDTH, allow_unicode=True)
    return _HEADER + body
