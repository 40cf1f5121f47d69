"""`mlmon scoreboard` on scores that are kept: nothing is run again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from mlmon.commands import app
from mlmon.elastic.errors import WrongValueError
from mlmon.elastic.exit_codes import ExitCode
from mlmon.scoreboard.peers.judged_days import PeerScore
from mlmon.scoreboard.run import KeptScores
from mlmon.scoreboard.scoring.page import BEGIN, END, into_page, tables
from mlmon.scoreboard.scoring.records import Record
from mlmon.scoreboard.scoring.score import FalseIncident, Found, TimelineScore
from mlmon.scoreboard.timelines.plan import BEGIN as MONDAY

if TYPE_CHECKING:
    from pathlib import Path

HOUR = timedelta(hours=1)
WORDS = ["scoreboard", "--size", "2000", "--timeline", "data", "--kinds", "unit_change", "--no-run"]


def _record(delay: timedelta | None, *, false: bool = False) -> Record:
    about = {"fault": "unit_change", "title": "Minutes", "size": "2000", "seed": 101}
    found = Found(**about, within=HOUR, delay=delay, incidents=1, cause="service",
                  is_cause_right=True, by="outage silence.seconds")  # type: ignore[arg-type]  # fmt: skip
    score = TimelineScore("data", "2000", 101, 20.0, [found], traps=["surge"])
    if false:
        score.false = [FalseIncident("data", "2000", 101, MONDAY, "a b c", "Wrong.", "surge")]
    peer = PeerScore("PSI 0.2", "2000", 101, ("unit_change",), (), 6, 10)
    return Record(score, [peer])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file for kept scores."""
    return tmp_path / "scores.jsonl"


@pytest.mark.parametrize(
    ("record", "code", "goals"),
    [
        (_record(HOUR), ExitCode.DONE, 0),
        (_record(2 * HOUR), ExitCode.FAILED, 1),
        (_record(None), ExitCode.FAILED, 1),
        (_record(HOUR, false=True), ExitCode.FAILED, 2),
    ],
    ids=["met", "late", "missed", "false"],
)
def test_exit_code_says_whether_goals_are_met(
    kept: Path, record: Record, code: ExitCode, goals: int
) -> None:
    """Late, missed and false each miss a goal; the exit code is 1, and JSON lists the goals."""
    KeptScores(kept).add(record)
    done = CliRunner().invoke(app, [*WORDS, "--keep", str(kept), "--json"])
    assert done.exit_code == code
    value = json.loads(done.output)
    assert len(value["missed_goals"]) == goals
    assert Record.from_json(value["scores"][0]) == record


def test_tables_show_what_is_missed(kept: Path) -> None:
    """The terminal shows a missed fault as missed, and each false incident's sentence."""
    KeptScores(kept).add(_record(None, false=True))
    done = CliRunner().invoke(app, [*WORDS, "--keep", str(kept)])
    assert "missed" in done.output
    assert "Wrong." in done.output
    assert "PSI 0.2" in done.output


def test_page_holds_the_tables() -> None:
    """The tables replace what stands between the marks, and only that."""
    page = f"before\n{BEGIN}old\n{END}\nafter\n"
    written = into_page(page, [_record(HOUR)])
    assert written.startswith(f"before\n{BEGIN}")
    assert written.endswith(f"{END}\nafter\n")
    assert "old" not in written
    assert into_page(written, [_record(HOUR)]) == written
    with pytest.raises(ValueError, match="scoreboard: begin"):
        into_page("no marks", [_record(HOUR)])


def test_rows_fit_their_heads() -> None:
    """Each row of each table has as many cells as its head."""
    for table in tables([_record(HOUR, false=True), _record(None)]):
        assert all(len(row) == len(table.head) for row in table.rows)


def test_unknown_size_is_refused() -> None:
    """A size that does not exist is named, with those that do."""
    done = CliRunner().invoke(app, ["scoreboard", "--size", "7"])
    assert isinstance(done.exception, WrongValueError)
    assert "150, 2000, 50000" in str(done.exception.hint)


def test_kinds_that_did_not_run_are_named(kept: Path) -> None:
    """A record of some kinds does not stand for a timeline of all: the goals are not met."""
    KeptScores(kept).add(_record(HOUR))
    words = ["scoreboard", "--size", "2000", "--timeline", "data", "--no-run"]
    done = CliRunner().invoke(app, [*words, "--keep", str(kept), "--json"])
    assert done.exit_code == ExitCode.FAILED
    value = json.loads(done.output)
    assert len(value["scores"]) == 1
    (sentence,) = value["missed_goals"]
    assert sentence.startswith("At 2000 a day ")
    assert "default_values, " in sentence
    assert sentence.endswith(" did not run.")
    assert "unit_change" not in sentence
