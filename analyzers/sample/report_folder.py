"""The folder of other libraries' reports: HTML files, and next to them a record of each attempt."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from mlmon.analyzers.base.window import iso, parse_time
from mlmon.elastic.system.atomic_write import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

_TIMES: Final = ("since", "until", "made")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.]+")


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """One attempt to write a report.

    Args:
        library: Which library's.
        model: Name of the model.
        version: Its version.
        since: Begin of the period that was sampled.
        until: End of it.
        made: When it was written, or was not.
        rows: Predictions in the sample.
        files: Names of the HTML files, in the folder; none where it failed.
        error: Why it failed; empty where it did not.
    """

    library: str
    model: str
    version: str
    since: datetime
    until: datetime
    made: datetime
    rows: int = 0
    files: tuple[str, ...] = ()
    error: str = ""

    @property
    def about(self) -> tuple[str, str, str]:
        """What the reports of one schedule share."""
        return self.library, self.model, self.version

    @property
    def stem(self) -> str:
        """What the names of its files begin with: no other attempt has it."""
        named = (_UNSAFE.sub("_", part).strip("._") or "_" for part in self.about)
        return "-".join([*named, f"{self.made:%Y%m%dT%H%M%S}"])

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return asdict(self) | {name: iso(getattr(self, name)) for name in _TIMES}

    @classmethod
    def from_json(cls, known: Any) -> ReportRecord:
        """Read what `to_json` gave.

        Raises:
            ValueError: It is no record.
        """
        try:
            times = {name: parse_time(known[name]) for name in _TIMES}
            return cls(**known | times | {"files": tuple(known["files"])})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"no record of a report: {error}") from error


class ReportFolder:
    """The reports of one namespace.

    Args:
        path: The folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def records(self) -> list[ReportRecord]:
        """Return the attempts, the newest first; a file that is no record is passed over."""
        return sorted(self._records(), key=lambda record: (record.made, record.stem), reverse=True)

    def _records(self) -> Iterator[ReportRecord]:
        for path in self.path.glob("*.json"):
            try:
                yield ReportRecord.from_json(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError):
                continue

    def page(self, name: str) -> bytes | None:
        """Return a report's HTML by the name of its file; None where no record names it."""
        named = (file for record in self._records() for file in record.files)
        if name not in named or "/" in name:
            return None
        try:
            return (self.path / name).read_bytes()
        except OSError:
            return None

    def keep(self, record: ReportRecord, most: int) -> None:
        """Store the record of an attempt; remove the oldest beyond `most` of its schedule."""
        with atomic_write(self.path / f"{record.stem}.json") as part:
            part.write_text(json.dumps(record.to_json()), encoding="utf-8")
        alike = [other for other in self.records() if other.about == record.about]
        for old in alike[most:]:
            for name in (*old.files, f"{old.stem}.json"):
                (self.path / name).unlink(missing_ok=True)
