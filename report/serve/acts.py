"""Actions on a page: each with its form, carried out as in the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlmon.alerting.actions.incident_actions import LONGEST_TEXT
from mlmon.alerting.incidents.verdict import Verdict
from mlmon.analyzers.base.digest import digest
from mlmon.analyzers.base.time_argument import length_argument
from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from mlmon.alerting.actions.incident_actions import IncidentActions

PART: Final = "part:"
"""What a part's title follows in the name of its box."""


class UnconfirmedError(UserError):
    """An act whose effect has to be seen before it is carried out.

    Args:
        lines: What it would do.
        force: Whether it needs a second confirmation.
        parts: The parts that can be chosen, and whether each is.
    """

    def __init__(
        self, lines: tuple[str, ...], *, force: bool, parts: Mapping[str, bool] | None = None
    ) -> None:
        super().__init__("This is what it would do")
        self.lines, self.force, self.parts = lines, force, parts or {}


@dataclass(frozen=True, slots=True)
class Act:
    """One act.

    Args:
        name: As the address has it.
        title: Text of its button.
        help: What it does, in a sentence.
        field: The form's own field besides the reason: `to`, `length`, `verdict`; empty without.
        open_only: Whether the incident has to be open.
        careful: Whether it is refused where the incident changed since the page was made.
        do: Carries it out; returns what was done.
    """

    name: str
    title: str
    help: str
    field: str
    open_only: bool
    careful: bool
    do: Callable[[IncidentActions, str, str, Mapping[str, str], datetime], str]


def _acknowledge(
    actions: IncidentActions, name: str, by: str, form: Mapping[str, str], now: datetime
) -> str:
    return actions.acknowledge(name, by, _why(form), now)


def _assign(
    actions: IncidentActions, name: str, by: str, form: Mapping[str, str], now: datetime
) -> str:
    return actions.assign(
        name, _given(form, "to", "Give a name to assign it to"), by, _why(form), now
    )


def _comment(
    actions: IncidentActions, name: str, by: str, form: Mapping[str, str], now: datetime
) -> str:
    return actions.comment(name, _given(form, "why", "Write a comment"), by, now)


def _snooze(
    actions: IncidentActions, name: str, by: str, form: Mapping[str, str], now: datetime
) -> str:
    length = length_argument(_given(form, "length", "Give a length, such as 4h"))
    return actions.snooze(name, length, by, _why(form), now)


def _resolve(
    actions: IncidentActions, name: str, by: str, form: Mapping[str, str], now: datetime
) -> str:
    return actions.close(name, by, _why(form), now)


def _feedback(
    actions: IncidentActions, name: str, by: str, form: Mapping[str, str], now: datetime
) -> str:
    chosen = form.get("verdict", "")
    if chosen not in set(Verdict):
        raise UserError("No verdict was chosen", "Choose what the incident was.")
    if chosen != Verdict.NEW_NORMAL:
        return actions.feedback(name, Verdict(chosen), by, _why(form), now)
    from mlmon.alerting.actions.new_normal import Chosen

    boxes = [field.removeprefix(PART) for field in form if field.startswith(PART)]
    if "confirmed" in form and not boxes:
        raise UserError("No part was chosen", "Choose what is accepted as the new normal.")
    proposed = actions.new_normal(name, by, _why(form), now, chosen=Chosen(parts=boxes))
    parts = {part: part in proposed.parts for part in proposed.choices}
    # What is accepted is what was shown: another choice is shown first.
    if form.get("confirmed") != shown(proposed.parts):
        force = bool(proposed.confirmed)
        raise UnconfirmedError(tuple(proposed.lines()), force=force, parts=parts)
    return actions.accept(name, proposed, by, _why(form), now, force="force" in form)


ACTS: Final = (
    Act(
        "acknowledge",
        "Acknowledge",
        "No message until it grows worse or ends.",
        "",
        open_only=True,
        careful=True,
        do=_acknowledge,
    ),
    Act(
        "assign",
        "Assign",
        "Assign it to a person.",
        "to",
        open_only=False,
        careful=True,
        do=_assign,
    ),
    Act("comment", "Comment", "", "", open_only=False, careful=False, do=_comment),
    Act(
        "snooze",
        "Snooze",
        "No message for a while, seven days at most.",
        "length",
        open_only=True,
        careful=True,
        do=_snooze,
    ),
    Act(
        "resolve",
        "Resolve",
        "Close it by hand; an alert that comes later opens it again.",
        "",
        open_only=True,
        careful=True,
        do=_resolve,
    ),
    Act(
        "feedback",
        "Give feedback",
        "Record what it was.",
        "verdict",
        open_only=False,
        careful=True,
        do=_feedback,
    ),
)


def act_named(name: str) -> Act | None:
    """Return an act, None where there is none of that name."""
    return next((act for act in ACTS if act.name == name), None)


def shown(parts: Iterable[str]) -> str:
    """Return what a form says of the parts whose effect its page showed."""
    return digest(sorted(parts))


def _why(form: Mapping[str, str]) -> str:
    return form.get("why", "").strip()[:LONGEST_TEXT]


def _given(form: Mapping[str, str], field: str, missing: str) -> str:
    text = form.get(field, "").strip()[:LONGEST_TEXT]
    if not text:
        raise UserError(missing)
    return text
