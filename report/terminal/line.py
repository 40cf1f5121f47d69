"""One event as one line: time, level, service, message, and its own fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from mlmon.analyzers.base.window import parse_time
from mlmon.formatting import NANOSECONDS, cut, number, one_line
from mlmon.logging_config.schema.fields import COMMON

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

LEVEL_STYLES: Final = {
    "debug": "dim",
    "info": "",
    "warning": "yellow",
    "error": "red",
    "critical": "bold red",
}
_LEFT_OUT: Final = {field.name for field in COMMON} - {
    "trace.id",
    "error.type",
    "error.code",
    "error.message",
    "ml.model.version",
    "ml.job.name",
    "ml.log.changes",
    "ml.log.dropped",
}
_DURATION: Final = "event.duration"
_LONGEST: Final = 200
UNKNOWN_TIME: Final = datetime.min.replace(tzinfo=UTC)
"""Orders what has no time before all that has one."""


def line(event: Mapping[str, Any], asked: Container[str] = ()) -> Text:
    """Return an event as a line; what a caller logged cannot move the cursor or add lines.

    Args:
        event: The event.
        asked: Features that are shown; all others are left out, since there are dozens.
    """
    level = str(event.get("log.level", ""))
    text = Text(no_wrap=True, overflow="ignore")
    text.append(time_of(event), "cyan")
    text.append(f"  {level:8}", LEVEL_STYLES.get(level, ""))
    text.append(f"  {one_line(str(event.get('service.name', '')))}", "bold")
    text.append(f"  {one_line(str(event.get('message', '')))}")
    for name, value in _details(event, asked):
        text.append(f"  {one_line(name)}=", "dim")
        text.append(one_line(value))
    return text


def event_time(event: Mapping[str, Any]) -> datetime | None:
    """Return an event's time; None where it has none that can be read."""
    try:
        return parse_time(str(event.get("@timestamp")))
    except (ValueError, OverflowError):
        return None


def time_of(event: Mapping[str, Any]) -> str:
    """Return an event's time to the millisecond, as `2026-11-22 14:00:00.123`."""
    date, _, time = str(event.get("@timestamp", "")).partition("T")
    return f"{date} {time[:12]}".rstrip("Z")


def _details(event: Mapping[str, Any], asked: Container[str]) -> Iterator[tuple[str, str]]:
    for name, value in event.items():
        if name == _DURATION and isinstance(value, int):
            yield "duration", number(value, NANOSECONDS)
        elif name in asked or (name not in _LEFT_OUT and not name.startswith("ml.features.")):
            yield name, short(value)


def short(value: Any) -> str:
    """Return a value in at most 200 characters."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return cut(text, _LONGEST)
