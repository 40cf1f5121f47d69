"""The report of a torture, and what must have happened for it to count."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from tests.support.torture.run import Verdict

REQUIRED_DEEDS = (
    "killed with SIGKILL",
    "stopped with SIGTERM",
    "started on a full disk",
    "disk full while it ran",
    "two shippers started at once",
    "started with a clock set forward and back by 2 hours and 400 days",
    "strays: a checksum, a swap file, a link that leads back",
    "renamed",
    "copied and truncated",
    "truncated",
    "deleted",
    "compressed into two gzip members",
    "container logs rotated",
    "data stream rolled over",
    "node killed and started",
    "node stopped and started",
)
REQUIRED_FAULTS = {
    "busy": "request answered 429",
    "error": "request answered 503, half of them carried out",
    "bad_request": "request answered 400",
    "too_large": "request answered 413",
    "cut_before": "connection cut before the work",
    "cut_after": "connection cut after the work",
    "half_answer": "connection cut within the answer",
    "half_closed": "connection closed by one side within the answer",
    "slow": "answer late",
    "drip": "answer piece by piece",
    "silent": "no answer for 8 s",
    "item_429": "line answered 429",
    "item_503": "line answered 503, half of them stored",
    "item_400": "line answered 400",
}


def missing(verdict: Verdict, faults: Mapping[str, int]) -> list[str]:
    """Return what a torture must do and this one did not."""
    undone = [deed for deed in REQUIRED_DEEDS if not verdict.deeds[deed]]
    return undone + [title for fault, title in REQUIRED_FAULTS.items() if not faults.get(fault)]


def table(verdicts: Mapping[str, tuple[Verdict, Counter[str]]]) -> str:
    """Return the verdicts, by the name of the shipper, as a table in Markdown."""
    names = list(verdicts)
    found = [verdict for verdict, _ in verdicts.values()]
    faults = [given for _, given in verdicts.values()]
    rows = [("lines written", [f"{len(verdict.written):,}" for verdict in found])]
    rows += [
        (f"· {kind}", [_count(verdict.by_kind.get(kind)) for verdict in found])
        for kind in dict.fromkeys(kind for verdict in found for kind in verdict.by_kind)
    ]
    rows += [
        ("events stored", [f"{sum(verdict.stored.values()):,}" for verdict in found]),
        ("**lost**", [f"**{verdict.lost:,}**" for verdict in found]),
        ("**stored more than once**", [f"**{verdict.doubled:,}**" for verdict in found]),
        ("**stored with other content**", [f"**{verdict.changed:,}**" for verdict in found]),
        ("SHA-256 of the ids written", [_digest(verdict.written) for verdict in found]),
        ("SHA-256 of the ids stored", [_digest(verdict.stored.elements()) for verdict in found]),
        ("minutes", [f"{verdict.seconds / 60:.1f}" for verdict in found]),
    ]
    deeds = [*REQUIRED_DEEDS, *sorted({deed for verdict in found for deed in verdict.deeds})]
    rows += [
        (deed, [_count(verdict.deeds.get(deed)) for verdict in found])
        for deed in dict.fromkeys(deeds)
    ]
    rows += [
        (title, [_count(given.get(fault)) for given in faults])
        for fault, title in REQUIRED_FAULTS.items()
    ]
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    return "\n".join([*lines, *(f"| {title} | {' | '.join(row)} |" for title, row in rows)])


def _count(number: int | None) -> str:
    return f"{number:,}" if number else "-"


def _digest(ids: Iterable[str]) -> str:
    """Return the beginning of a digest of ids, as often as they occur, in order."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]
