"""Counts of a scenario's logs: `summary.json`."""

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

SUMMARY_FILE = "summary.json"
_DATASET = re.compile(rb'"event\.dataset":\s*"([^"]+)"')


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """A finished scenario.

    Attributes:
        seed: its seed.
        start: ISO 8601, UTC.
        end: ISO 8601, UTC.
        lines: lines in all logs.
        events: lines per dataset.
        files: lines per log file.
        models: the versions trained, oldest first.
    """

    seed: int
    start: str
    end: str
    lines: int
    events: dict[str, int]
    files: dict[str, int]
    models: list[str]
    schema: int = 1

    def to_json(self) -> str:
        """The result as it stands in the file."""
        return json.dumps(asdict(self), indent=2)


def summarise(folder: Path, *, seed: int, start: datetime, end: datetime) -> ScenarioResult:
    """Count what lies in a scenario's folder and write the summary into it."""
    counts = {path.name: _count(path) for path in sorted((folder / "logs").glob("*.jsonl"))}
    events: Counter[str] = Counter()
    for count_ in counts.values():
        events += count_
    models = sorted(int(model_folder.name) for model_folder in (folder / "models").iterdir())
    result = ScenarioResult(
        seed=seed,
        start=start.isoformat(),
        end=end.isoformat(),
        lines=events.total(),
        events=dict(sorted(events.items())),
        files={name: file_counts.total() for name, file_counts in counts.items()},
        models=[str(model) for model in models],
    )
    (folder / SUMMARY_FILE).write_text(result.to_json() + "\n")
    return result


def _count(path: Path) -> Counter[str]:
    datasets: Counter[str] = Counter()
    with path.open("rb") as lines:
        for line in lines:
            found = _DATASET.search(line)
            datasets[found[1].decode() if found else "none"] += 1
    return datasets
