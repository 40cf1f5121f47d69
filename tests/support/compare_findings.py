"""Compare two exports of findings, made from the same logs by two versions of mlmon.

    mlmon findings --severity all --since 60d --json > before.jsonl
    ... the other version, on a namespace of its own ...
    mlmon findings --severity all --since 60d --json > after.jsonl
    python -m tests.support.compare_findings before.jsonl after.jsonl

Compared are the verdicts, not the words: what was judged, over which window, with which value,
interval and severity. Exits 1 where they differ.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

IDENTITY = (
    "finding.analyzer",
    "finding.metric",
    "finding.subject",
    "finding.segment",
    "service.name",
    "ml.model.name",
    "ml.model.version",
    "event.start",
    "event.end",
)
VERDICT = (
    "finding.severity",
    "finding.value",
    "finding.low",
    "finding.high",
    "finding.sample.count",
    "finding.limits.warning",
    "finding.limits.critical",
)
RELATIVE = 1e-9
"""Below this two numbers are the same: sums in another order differ in the last digits."""

Findings = dict[tuple[Any, ...], Mapping[str, Any]]


def read(path: Path) -> Findings:
    """Return the latest findings of an export by what they are about."""
    found: Findings = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            if document.get("finding.latest", True):
                found[tuple(document.get(field) for field in IDENTITY)] = document
    return found


def same(before: object, after: object) -> bool:
    """Return whether two values of a verdict agree, numbers to nine digits."""
    if isinstance(before, float | int) and isinstance(after, float | int):
        return math.isclose(before, after, rel_tol=RELATIVE, abs_tol=RELATIVE)
    return before == after


def differences(before: Findings, after: Findings) -> Iterator[tuple[str, str, str]]:
    """Yield (analyzer, kind of difference, example) of every finding that differs."""
    for key in sorted(before.keys() | after.keys(), key=str):
        name = " ".join(str(part) for part in key if part is not None)
        if key not in after:
            yield key[0], "only before", f"{name}: {before[key]['finding.severity']}"
        elif key not in before:
            yield key[0], "only after", f"{name}: {after[key]['finding.severity']}"
        else:
            for field in VERDICT:
                old, new = before[key].get(field), after[key].get(field)
                if not same(old, new):
                    yield key[0], field, f"{name}: {old} -> {new}"


def main() -> int:
    """Print the differences by analyzer and field, with examples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--examples", type=int, default=2)
    options = parser.parse_args()
    before, after = read(options.before), read(options.after)
    counts: Counter[tuple[str, str]] = Counter()
    for analyzer, kind, example in differences(before, after):
        counts[analyzer, kind] += 1
        if counts[analyzer, kind] <= options.examples:
            print(f"{kind}: {example}")
    for (analyzer, kind), number in sorted(counts.items()):
        print(f"{number:7,} {analyzer} {kind}")
    print(f"{len(before):,} findings before, {len(after):,} after, {sum(counts.values()):,} differ")
    return 1 if counts else 0


if __name__ == "__main__":
    sys.exit(main())
