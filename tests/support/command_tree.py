"""The commands of `mlmon` as typer built them, and how a command line ends."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from mlmon.commands import app, run


def leaves(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command with the words that name it; a group that acts by itself included."""
    command = typer.main.get_command(app) if group is None else group
    children = getattr(command, "commands", {})
    if path and (not children or command.invoke_without_command):
        yield path, command
    for name, child in children.items():
        yield from leaves(child, (*path, name))


def exit_code(*words: str) -> int:
    """Run a command line in this process, as the program does; return how it ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["mlmon", *words])
        try:
            return run()
        except SystemExit as end:
            return int(end.code or 0)
