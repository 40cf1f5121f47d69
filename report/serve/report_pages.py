"""Other libraries' reports on the pages of `mlmon serve`: a list, and links from incidents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlmon.analyzers.base.window import Window
from mlmon.formatting import count, moment, span
from mlmon.report.html.incident_list import Evidence

if TYPE_CHECKING:
    from mlmon.alerting.incidents.record import IncidentRecord
    from mlmon.analyzers.sample.report_folder import ReportFolder, ReportRecord

REPORTS: Final = "/reports"
"""The address of the list; a report's page is below it."""
POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'none'"
)
"""What a report may do, for its HTML is not ours: run its own scripts, with no origin, no network,
no form and no way to our pages."""
TITLES: Final = {"evidently": "Evidently", "nannyml": "NannyML", "whylogs": "whylogs"}
_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One attempt to write a report, for the list."""

    library: str
    about: str
    period: str
    made: str
    rows: str
    pages: tuple[Evidence, ...]
    error: str


class ReportPages:
    """The reports of one namespace.

    Args:
        folder: Where they lie; None where there are none.
    """

    def __init__(self, folder: ReportFolder | None) -> None:
        self._folder = folder

    @property
    def any(self) -> bool:
        """Whether there is something to list."""
        return bool(self._records())

    def rows(self) -> list[ReportRow]:
        """Return the attempts, the newest first."""
        return [_row(record) for record in self._records()[:_LISTED]]

    def page(self, name: str) -> bytes | None:
        """Return a report's HTML; None where there is none of that name."""
        return self._folder.page(name) if self._folder is not None else None

    def of_incident(self, incident: IncidentRecord) -> tuple[Evidence, ...]:
        """Return the latest report of each library on an incident's model, at its time.

        The model version is the incident's where it names one. A report is of its time where the
        period that it sampled and the incident overlap.
        """
        found: dict[str, ReportRecord] = {}
        for record in self._records():
            fits = record.model == incident.model_name and record.version == (
                incident.model_version or record.version
            )
            overlaps = record.until > incident.start and (
                incident.ended is None or record.since < incident.ended
            )
            if record.files and fits and overlaps:
                found.setdefault(record.library, record)
        return tuple(
            Evidence(f"{TITLES.get(library, library)} of {moment(record.made)}", _address(name))
            for library, record in sorted(found.items())
            for name in record.files[:1]
        )

    def _records(self) -> list[ReportRecord]:
        return self._folder.records() if self._folder is not None else []


def _row(record: ReportRecord) -> ReportRow:
    titles = ("Report", "Performance")
    named = zip(titles, sorted(record.files, key=len), strict=False)
    return ReportRow(
        library=TITLES.get(record.library, record.library),
        about=f"{record.model} {record.version}",
        period=span(Window(record.since, record.until)),
        made=moment(record.made),
        rows=count(record.rows, "prediction"),
        pages=tuple(Evidence(title, _address(name)) for title, name in named),
        error=record.error,
    )


def _address(name: str) -> str:
    return f"{REPORTS}/{name}"
