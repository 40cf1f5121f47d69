"""A visitor's choices, from the address of the page. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from mlmon.analyzers.base.time_argument import time_argument
from mlmon.analyzers.base.window import Window
from mlmon.dashboards.definitions import dashboards
from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

    from mlmon.dashboards.model.dashboard import Dashboard

RANGES: Final = {
    "1h": "1 hour",
    "6h": "6 hours",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
}
LONGEST: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Time range and choices.

    Args:
        since: As it was typed: `24h` ago, or an ISO time.
        until: Likewise, or `now`.
        chosen: (field, value) pairs of the dashboard's controls.
        kept: Those of other dashboards' controls: links take them along, nothing is narrowed here.
    """

    since: str
    until: str
    chosen: tuple[tuple[str, str], ...]
    kept: tuple[tuple[str, str], ...] = ()

    def window(self, now: datetime) -> Window:
        """Return the time range.

        Raises:
            UserError: It is none, or longer than 400 days.
        """
        window = Window(time_argument(self.since, now), time_argument(self.until, now))
        if not timedelta(0) < window.length <= LONGEST:
            raise UserError(
                f"From {self.since} to {self.until} is no time range",
                f"Begin before the end, and at most {LONGEST.days} days before it.",
            )
        return window

    def with_since(self, since: str) -> PageRequest:
        """Return the same choices for the time from a moment ago until now."""
        return replace(self, since=since, until="now")

    def query(self) -> str:
        """Return it as the address carries it."""
        times = [("since", self.since), ("until", self.until)]
        return urlencode([*times, *self.chosen, *self.kept])


def page_request(query: str, dashboard: Dashboard, default: str) -> PageRequest:
    """Read the query of an address; what no dashboard has a control for is passed over.

    Args:
        query: The part behind the `?`.
        dashboard: Which dashboard is shown.
        default: Begin of the time range where the address names none.
    """
    given = dict(parse_qsl(query))
    fields = [control.field for control in dashboard.controls]
    everywhere = {control.field: None for other in dashboards() for control in other.controls}
    others = [name for name in everywhere if name not in fields]
    return PageRequest(
        given.get("since") or default,
        given.get("until") or "now",
        tuple((name, given[name]) for name in fields if given.get(name)),
        tuple((name, given[name]) for name in others if given.get(name)),
    )
