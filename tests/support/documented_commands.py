"""The commands that documents show in their blocks, as people would type them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.installations import ROOT

PAGES = (
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    ROOT / "deploy" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
_BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?mlmon ([a-z].*)$", re.MULTILINE)
_REMARK = re.compile(r"\s{3,}|\s+#")
_ALTERNATIVES = re.compile(r"\w+(?: \| \w+)+")
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
REST = "…"
"""Stands for arguments that depend on the command."""


@dataclass(frozen=True)
class DocumentedCommand:
    """A command of a page.

    Args:
        page: The page's path in the repository.
        words: The command, without `mlmon`.
        remarked: Options of it that the remark behind it names.
    """

    page: str
    words: tuple[str, ...]
    remarked: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.page}: mlmon {' '.join(self.words)}"


def documented_commands() -> list[DocumentedCommand]:
    """Return the commands of all pages, in their order; the reference of commands has usages."""
    return [
        command
        for page in PAGES
        if page.parent.name != "reference"
        for command in commands_of(page.read_text(encoding="utf-8"), str(page.relative_to(ROOT)))
    ]


def commands_of(text: str, page: str) -> Iterator[DocumentedCommand]:
    """Yield the commands in the blocks of a page; `a | b` names two of them."""
    for block in _BLOCK.findall(text):
        for line in _LINE.findall(block):
            typed, *remark = _REMARK.split(line, maxsplit=1)
            # Between backticks stands another command.
            options = tuple(_OPTION.findall(re.sub(r"`[^`]*`", "", *remark))) if remark else ()
            for one in _spread(typed):
                # The shell keeps what stands behind `>` and `|` from the command.
                words = shlex.split(re.split(r" [>|] ", one)[0])
                yield DocumentedCommand(page, tuple(words), options)


def _spread(typed: str) -> Iterator[str]:
    found = _ALTERNATIVES.search(typed)
    if found is None:
        yield typed
        return
    for name in found[0].split(" | "):
        yield typed[: found.start()] + name + typed[found.end() :]


def blocks(path: Path, language: str) -> list[str]:
    """Return the blocks of a page in a language."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
