"""Lines on a terminal: nothing is lost or wider than the terminal, and files get them whole."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from mlmon.elastic.system.terminal import print_line

WORDS = st.lists(st.text("abcdefgh=.:", min_size=1, max_size=60), min_size=1, max_size=30)


def printed(line: str, width: int, *, terminal: bool, first: int = 0, rest: int = 2) -> str:
    """Return what is printed of a line, without colours."""
    output = io.StringIO()
    console = Console(
        file=output, width=width, force_terminal=terminal, no_color=True, highlight=False
    )
    print_line(console, Text(line, no_wrap=True, overflow="ignore"), first=first, rest=rest)
    return output.getvalue()


@given(WORDS, st.integers(40, 200), st.integers(0, 10), st.integers(0, 10))
def test_every_word_is_printed_within_the_width(
    words: list[str], width: int, first: int, rest: int
) -> None:
    """A terminal of any width shows the whole line, broken and indented."""
    text = printed(" ".join(words), width, terminal=True, first=first, rest=rest)
    lines = text.splitlines()
    assert all(len(line) <= width for line in lines)
    assert lines[0].startswith(" " * first)
    assert all(line.startswith(" " * rest) for line in lines[1:])
    assert "".join(text.split()) == "".join(words)


@given(WORDS)
def test_what_a_program_reads_is_one_line(words: list[str]) -> None:
    """Without a terminal a line is not broken, however long it is."""
    line = " ".join(words)
    assert printed(line, 80, terminal=False, first=2) == f"  {line}\n"


def test_a_narrow_terminal_breaks_lines_itself() -> None:
    """Below 40 columns indenting would leave no room for words."""
    line = "a sentence that is longer than the terminal is wide"
    assert printed(line, 20, terminal=True) == f"{line}\n"
