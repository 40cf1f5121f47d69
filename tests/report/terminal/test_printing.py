"""`mlmon trace` on a terminal: nothing is wider than it, nothing is lost, files get whole lines."""

import io
import re

import pytest
from rich.console import Console

from mlmon.report.terminal.commands import _print_sentence
from mlmon.report.terminal.story import Sentence

SENTENCE = Sentence(
    "2026-03-02 14:00:00.123",
    "autobid-api",
    "autobid 7 scored 71 %, approved at 50 %, although a source of its features was four days old",
    "warning",
    ("numeric: bid_price 10.5, budget 320, client_rating 4.8, client_spend 12,340, hour 14",),
)


def printed(width: int, *, terminal: bool) -> list[str]:
    """Return the lines that are printed of a sentence."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, no_color=True)
    _print_sentence(console, SENTENCE)
    return [re.sub(r"\x1b\[[\d;]*m", "", line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_lines_fit_the_terminal(width: int) -> None:
    """Each line is as wide as the terminal at most, and all words are there in their order."""
    lines = printed(width, terminal=True)
    assert max(map(len, lines)) <= width
    words = [SENTENCE.time, SENTENCE.service, SENTENCE.text, *SENTENCE.details]
    assert " ".join(lines).split() == " ".join(words).split()
    # On a wide terminal details stand below the text, on a narrow one near its left edge.
    indent = 25 if width >= 100 else 4
    assert any(line.startswith(" " * indent + "numeric:") for line in lines)


def test_a_file_gets_whole_lines() -> None:
    """What a program reads is one line per sentence and per detail, however long."""
    assert len(printed(80, terminal=False)) == 2
