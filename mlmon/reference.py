"""Reference pages from the code: every command and every setting."""

from __future__ import annotations

from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mlmon.commands import PANELS, app
from mlmon.elastic.exit_codes import ExitCode
from mlmon.settings import list_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COMMANDS = """# Commands

Generated from the code by `make generate`.

Every command has `--help`. Errors go to standard error in two lines: what is wrong, and what to do.
A time is an ISO time (UTC without a zone), how long ago (`90s`, `5m`, `6h`, `14d`, `2w`), or `now`.
`mlmon --install-completion` completes commands and options in bash, zsh, fish and PowerShell.
"""
_SETTINGS = """# Settings

Generated from the code by `make generate`.

Options of the command line come first, then the environment, then `mlmon.toml` in the working
directory or where `MLMON_CONFIG` points, then the default.
"""
_VALUES = {str: "TEXT", int: "NUMBER", float: "NUMBER", Path: "PATH"}


def commands_page() -> str:
    """Return the page of all commands in Markdown, by panel, with the table of exit codes."""
    root: Any = typer.main.get_command(app)
    return _text(_commands(root))


def settings_page() -> str:
    """Return the page of all settings in Markdown."""
    return _text(_settings())


def _text(blocks: Iterator[str]) -> str:
    return "\n".join(block.rstrip("\n") + "\n" for block in blocks)


def _commands(root: Any) -> Iterator[str]:
    yield _COMMANDS
    yield "## Exit codes"
    yield _table(
        ("code", "meaning"),
        [(str(code.value), _sentence(code.meaning)) for code in ExitCode],
    )
    for panel, names in PANELS.items():
        yield f"## {panel}"
        for name in names:
            yield from _command(root.commands[name], f"mlmon {name}")


def _command(command: Any, words: str) -> Iterator[str]:
    children = dict(getattr(command, "commands", {}))
    yield f"### `{words}`"
    # A group runs its hidden command where no other is named.
    hidden = [name for name, child in children.items() if child.hidden]
    command = children.pop(hidden[0]) if hidden else command
    yield command.help or ""
    if not hasattr(command, "commands") or command.invoke_without_command:
        yield f"```\n{' '.join([words, *_usage(command)])}\n```"
        rows = [_row(parameter) for parameter in command.params if not parameter.hidden]
        if rows:
            yield _table(("argument or option", "meaning", "default"), rows)
    for name, child in children.items():
        yield from _command(child, f"{words} {name}")


def _usage(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if not parameter.opts[0].startswith("-"):
            several = "..." if parameter.nargs == -1 else ""
            name = f"{_argument(parameter)}{several}"
            yield name if parameter.required else f"[{name}]"
    required = [
        option for option in command.params if option.required and option.opts[0][:1] == "-"
    ]
    for parameter in required:
        yield f"{parameter.opts[0]} {_value(parameter)}"
    yield "[OPTIONS]"


def _argument(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).upper().removesuffix("...")


def _row(parameter: Any) -> tuple[str, str, str]:
    if parameter.opts[0].startswith("-"):
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        value = _value(parameter)
        name = f"{names} `{value}`" if value else names
    else:
        name = f"`{_argument(parameter)}`"
    default = parameter.default
    if isinstance(default, Enum):
        default = default.value
    shown = "" if default is None or isinstance(default, bool) else f"`{default}`"
    return name, parameter.help or "", "required" if parameter.required else shown


def _value(parameter: Any) -> str:
    """Return what stands for an option's value; empty for a flag."""
    kind = parameter.type_descriptor.annotation
    if kind is bool:
        return ""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    return _VALUES.get(kind, "TEXT")


def _settings() -> Iterator[str]:
    yield _SETTINGS
    for table, settings in groupby(list_settings(), key=lambda setting: setting.table):
        yield f"## `[{table}]`" if table else "## Top level"
        yield _table(
            ("key", "variable", "type", "meaning", "default"),
            [
                (
                    f"`{setting.key}`" if setting.key else "",
                    f"`{setting.variable}`" if setting.variable else "",
                    setting.type,
                    _sentence(setting.description),
                    f"`{setting.default}`" if setting.default else "",
                )
                for setting in settings
            ],
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
