"""The scoreboard as tables: for the terminal and for `docs/detection.md`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.formatting import duration
from mlmon.scoreboard.faults.traps import TRAPS
from mlmon.scoreboard.scoring.totals import peer_totals, totals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from mlmon.scoreboard.scoring.records import Record
    from mlmon.scoreboard.scoring.score import Found
    from mlmon.scoreboard.scoring.totals import Goal

BEGIN, END = "<!-- scoreboard: begin -->\n", "<!-- scoreboard: end -->"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts.

    Args:
        title: For people.
        head: Names of the columns.
        rows: The rows.
    """

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def markdown(self) -> str:
        """Return it as Markdown."""
        lines = [f"**{self.title}**", "", _row(self.head), "|---" * len(self.head) + "|"]
        return "\n".join([*lines, *map(_row, self.rows)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") or "-" for cell in cells) + " |"


def tables(records: Sequence[Record]) -> list[Table]:
    """Return all tables of some records."""
    return [
        *_fault_tables(records),
        *_trap_tables(records),
        _false_table(records),
        _totals_table(records),
        _peers_table(records),
    ]


def _fault_tables(records: Sequence[Record]) -> Iterator[Table]:
    by_size: dict[str, dict[str, list[Found]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        for one in record.score.found:
            by_size[one.size][one.fault].append(one)
    head = (
        *("fault", "found", "after", "allowed", "incidents", "messages"),
        *("likely cause", "first by"),
    )
    for size in sorted(by_size, key=int):
        rows = [_fault_row(found) for found in by_size[size].values()]
        yield Table(f"Faults at {int(size):,} predictions a day", head, rows)


def _fault_row(found: list[Found]) -> tuple[str, ...]:
    delays = sorted(one.delay for one in found if one.delay is not None)
    late = sum(not one.is_in_time for one in found if one.delay is not None)
    joined = sum(one.is_joined for one in found)
    notes = [f"{late} late"] * bool(late) + [f"{joined} joined an open incident"] * bool(joined)
    after = _range(delays) + (f" ({', '.join(notes)})" if notes else "")
    causes = sorted({one.cause for one in found if one.cause and not one.is_cause_right})
    right = sum(one.is_cause_right for one in found)
    cause = f"right {right} of {len(delays)}" if delays else ""
    wrong = f", {', '.join(causes)} named" if causes else ""
    return (
        found[0].title,
        f"{len(delays)} of {len(found)}" if delays else f"**missed** {len(found)} of {len(found)}",
        after,
        duration(found[0].within),
        str(sum(one.incidents for one in found)),
        _messages(found),
        cause + wrong,
        ", ".join(sorted({f"`{one.by}`" for one in found if one.by})),
    )


def _messages(found: list[Found]) -> str:
    """Return the messages about a fault; empty where those of a seed were not counted."""
    counted = [one.messages for one in found if one.delay is not None]
    known = [messages for messages in counted if messages is not None]
    return str(sum(known)) if known and len(known) == len(counted) else ""


def _range(delays: list[timedelta]) -> str:
    if not delays:
        return ""
    return " to ".join(dict.fromkeys(duration(one) for one in (delays[0], delays[-1])))


def _trap_tables(records: Sequence[Record]) -> Iterator[Table]:
    titles = {trap.id: trap.title for trap in TRAPS}
    for size in sorted({record.score.size for record in records}, key=int):
        own = [record.score for record in records if record.score.size == size]
        rows = [
            (
                titles.get(trap, trap),
                str(sum(trap in score.traps for score in own)),
                str(sum(one.trap == trap for score in own for one in score.false)),
            )
            for trap in dict.fromkeys(trap for score in own for trap in score.traps)
        ]
        head = ("trap: nothing is wrong", "times", "false incidents")
        yield Table(f"Traps at {int(size):,} predictions a day", head, rows)


def _false_table(records: Sequence[Record]) -> Table:
    head = ("a day", "seed", "when", "trap", "in the time of", "incident")
    rows = [
        (
            f"{int(one.size):,}",
            str(one.seed),
            f"{one.at:%d %b %H:%M}",
            one.trap,
            one.during,
            f"`{one.by}`: {one.sentence}",
        )
        for record in records
        for one in record.score.false
    ]
    return Table("False incidents", head, rows)


def _totals_table(records: Sequence[Record]) -> Table:
    head = (
        *("a day", "seeds", "faults", "found", "in time", "incidents per found fault"),
        *(
            "messages per found fault",
            "right cause",
            "false per model and 30 days",
            "traps that alarm",
        ),
    )
    rows = []
    for one in totals([record.score for record in records]):
        seeds = sorted({record.score.seed for record in records if record.score.size == one.size})
        rows.append(
            (
                f"{int(one.size):,}",
                ", ".join(map(str, seeds)),
                str(one.faults),
                str(one.found),
                str(one.in_time),
                f"{one.incidents / one.found:.2f}" if one.found else "",
                f"{one.messages / one.found:.1f}" if one.found and one.messages is not None else "",
                f"{one.right_share:.0%}" if one.found else "",
                f"{one.false_per_month:.2f} ({one.false} in {one.model_days:.0f} days)",
                f"{one.trapped} of {one.traps}",
            )
        )
    return Table("Totals", head, rows)


def _peers_table(records: Sequence[Record]) -> Table:
    head = ("a day", "rule", "faults in inputs found", "false alarms in 30 days")
    rows = []
    peers = [peer for record in records for peer in record.peers]
    sizes = sorted({one.size for one in peers}, key=int)
    for size in sizes:
        own = [record for record in records if record.score.size == size and record.peers]
        ids = {fault for record in own for peer in record.peers for fault in peer.faults}
        known = [one for record in own for one in record.score.found if one.fault in ids]
        false = sum(len(record.score.false) for record in own)
        days = sum(record.score.model_days for record in own)
        found = sum(one.delay is not None for one in known)
        ours = f"{false / days * 30:.2f}" if days else ""
        rows.append((f"{int(size):,}", "mlmon (all incidents)", f"{found} of {len(known)}", ours))
        rows += [
            (
                f"{int(size):,}",
                one.rule,
                f"{one.found} of {one.faults}",
                f"{one.false_per_month:.1f}",
            )
            for one in peer_totals(peers)
            if one.size == size
        ]
    return Table("The rules of other tools on the same days", head, rows)


def into_page(page: str, records: Sequence[Record], goals: Sequence[Goal] = ()) -> str:
    """Return a page with its scoreboard replaced.

    Args:
        page: The page.
        records: The scores.
        goals: Goals, met and missed.

    Raises:
        ValueError: The page has no place for it.
    """
    if BEGIN not in page or END not in page:
        raise ValueError(f"the page lacks {BEGIN.strip()} and {END}")
    head, rest = page.split(BEGIN, 1)
    text = "\n".join(table.markdown() for table in tables(records) if table.rows)
    lines = [f"- {'met' if goal.is_met else '**missed**'}: {goal.text}" for goal in goals]
    text += "\n".join(["", "**Goals**", "", *lines, ""]) if lines else ""
    return head + BEGIN + text + END + rest.split(END, 1)[1]
