"""What was sent to each route about whether mlmon can judge, and what is sent next. Pure.

After `PATIENCE` failed cycles in a row every route gets "mlmon cannot judge", tried again until it
is taken, and then one message when cycles succeed again. A route that could not be reached before
that gets one message that says both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mlmon.alerting.notify.message import own_message
from mlmon.alerting.notify.notifier import Sent
from mlmon.analyzers.base.window import iso, parse_time
from mlmon.formatting import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlmon.alerting.notify.message import Message
    from mlmon.elastic.json_object import Json

PATIENCE = 2
"""Failed cycles in a row before somebody is notified: one may meet a restart."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=5)
GIVEN_UP = timedelta(days=3)
"""For so long after its end a route is tried that could not be reached."""


@dataclass(frozen=True, slots=True)
class RouteNotice:
    """What a route knows.

    Args:
        notified: Whether it received that mlmon cannot judge.
        done: Whether it needs no message any more: it received that mlmon can again.
        attempts: Failed attempts at the message that is due.
        next_attempt: When it is tried again.
    """

    notified: bool = False
    done: bool = False
    attempts: int = 0
    next_attempt: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judging:
    """Whether mlmon can judge one namespace, as its cycles show.

    Args:
        failed: Failed cycles in a row.
        first: When the first of them was.
        since: When the first of those was that routes are to know of.
        why: What failed in the last of them.
        over: When a cycle succeeded again after them.
        routes: What each route knows, by its name.
    """

    failed: int = 0
    first: datetime | None = None
    since: datetime | None = None
    why: str = ""
    over: datetime | None = None
    routes: Mapping[str, RouteNotice] = field(default_factory=dict)

    @property
    def cannot_judge(self) -> bool:
        """Whether cycles fail, and did not only once."""
        return self.failed >= PATIENCE

    def after_cycle(self, failure: str, now: datetime) -> Judging:
        """Return the state after one more cycle.

        Args:
            failure: What failed in it, empty where nothing did.
            now: When it ended.
        """
        if not failure:
            over = now if self.cannot_judge else self.over
            return replace(self, failed=0, first=None, over=over) if over else Judging()
        failed, first = self.failed + 1, self.first or now
        if failed < PATIENCE:
            return replace(self, failed=failed, first=first)
        if self.cannot_judge:
            return replace(self, failed=failed, why=failure)
        # A route that was not reached before it failed again has heard of it already.
        heard = {
            name: RouteNotice(notified=True)
            for name, route in self.routes.items()
            if route.notified and not route.done
        }
        return Judging(failed, first, first, failure, None, heard)

    def due(
        self, namespace: str, names: Iterable[str], now: datetime
    ) -> Iterator[tuple[str, Message]]:
        """Yield what is to be sent now, each with its route.

        Args:
            namespace: Environment.
            names: The routes there are.
            now: When this is.
        """
        if self.since is None:
            return
        for name in names:
            route = self.routes.get(name, RouteNotice())
            waits = route.next_attempt is not None and now < route.next_attempt
            waits_for_end = route.notified and self.over is None
            if not (route.done or waits_for_end or waits):
                yield name, self._message(namespace, self.since, notified=route.notified)

    def _message(self, namespace: str, since: datetime, *, notified: bool) -> Message:
        why = self.why.rstrip(".")
        if self.over is None:
            return own_message(
                f"mlmon cannot judge {namespace}",
                f"{why}. Since {moment(since)} not all was judged; open incidents stay open.",
                since,
                severity="critical",
                thread=f"mlmon-judges-{namespace}",
            )
        sentence = "Cycles succeed again; incidents are up to date."
        if not notified:
            sentence = (
                f"It could not from {moment(since)} to {moment(self.over)}, and this route could "
                f"not be reached: {why}. {sentence}"
            )
        return own_message(
            f"mlmon judges {namespace} again",
            sentence,
            self.over,
            severity="ok",
            thread=f"mlmon-judges-{namespace}",
        )

    def after_attempt(self, name: str, sent: Sent, now: datetime) -> Judging:
        """Return the state after a message was given to a route."""
        before = self.routes.get(name, RouteNotice())
        if sent is Sent.DONE:
            after = RouteNotice(notified=True, done=self.over is not None)
        elif self.over is not None and (sent is Sent.REFUSED or now - self.over > GIVEN_UP):
            after = RouteNotice(notified=before.notified, done=True)
        else:
            pause = min(FIRST_PAUSE * 2 ** min(before.attempts, 10), LONGEST_PAUSE)
            after = replace(before, attempts=before.attempts + 1, next_attempt=now + pause)
        return replace(self, routes={**self.routes, name: after})

    def settled(self, names: Iterable[str]) -> Judging:
        """Return the state without what every route knows."""
        known = all(self.routes.get(name, RouteNotice()).done for name in names)
        return Judging(self.failed, self.first) if self.over and known else self

    def to_json(self) -> Json:
        """Return it as a JSON value."""
        return {
            "failed": self.failed,
            "first": self.first and iso(self.first),
            "since": self.since and iso(self.since),
            "why": self.why,
            "over": self.over and iso(self.over),
            "routes": {
                name: {
                    "notified": of.notified,
                    "done": of.done,
                    "attempts": of.attempts,
                    "next_attempt": of.next_attempt and iso(of.next_attempt),
                }
                for name, of in self.routes.items()
            },
        }

    @classmethod
    def from_json(cls, value: Json) -> Judging:
        """Read what `to_json` returned.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: It is something else.
        """
        routes = {
            str(name): RouteNotice(
                bool(of["notified"]),
                bool(of["done"]),
                int(of["attempts"]),
                _time(of["next_attempt"]),
            )
            for name, of in value["routes"].items()
        }
        first, since, over = (_time(value[name]) for name in ("first", "since", "over"))
        return cls(int(value["failed"]), first, since, str(value["why"]), over, routes)


def _time(value: str | None) -> datetime | None:
    return None if value is None else parse_time(value)
