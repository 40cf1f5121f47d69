"""Passwords in command lines: the options of known commands that hold one.

A command is a text (`mysql -pS shop`), or a list of arguments (`["mysql", "-pS", "shop"]`), which
may stand in a text as Python or JSON writes it.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

Form = Literal["attached", "either", "user"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command and its options that hold a password.

    Attributes:
        names: pattern of its name; it ends with the subcommand where only that has the option.
        options: pattern of the options.
        form: whether the password is attached to the option (`-pS`), may also follow it (`-p S`),
            or follows the name of a user and a colon (`-u bob:S`).
    """

    names: str
    options: str
    form: Form


_COMMANDS: Final = (
    Command("curl", "-u|-U|--user|--proxy-user", "user"),
    Command("(?:mysql|mariadb)[a-z-]{0,16}", "-p", "attached"),
    Command(r"(?:sshpass|mongo[a-z]{0,8}|(?:docker|podman|helm registry) login)", "-p", "either"),
    Command("redis-cli", "-a", "either"),
)
BEFORE: Final = ("curl", "mysql", "mariadb", "sshpass", "mongo", "login", "redis-cli")
"""A text without any of these has no such command."""

_BETWEEN: Final = r"(?:\\*[\"'],[ ]?|[ =]?)"  # `-p S`, `-p=S`, `'-p', 'S'`
_USER: Final = r"\\*[\"']?[^\s:\"',]{1,128}:"


def _text_pattern(command: Command) -> str:
    names = command.names.replace(" ", r"[ \"',\\]{1,6}")
    # What stands before an option: a blank, or the quote of an argument in a list.
    blank, quote = rf"\s(?:{command.options})", rf"[\"'](?:{command.options})"
    after = {
        "attached": rf"(?:{blank}(?=\S)|{quote}(?=[^\s\"',\\\]]))",
        "either": rf"(?:{blank}|{quote}){_BETWEEN}(?=\S)",
        "user": rf"(?:{blank}|{quote}){_BETWEEN}{_USER}",
    }[command.form]
    return rf"\b{names}\b[^\r\n]{{0,256}}?{after}"


TEXT_PATTERN: Final = "|".join(map(_text_pattern, _COMMANDS))
"""Matches in a text what stands before a password."""

_LIST_PATTERNS: Final = tuple(
    (re.compile(rf"(?:.{{0,256}}[/\\])?{command.names}(?:\.exe)?"), command)
    for command in _COMMANDS
)
_OPTION: Final = {command: re.compile(command.options) for command in _COMMANDS}


class Arguments:
    """Finds the passwords in a list of arguments, one argument after another."""

    __slots__ = ("_command", "_follows", "_previous")

    def __init__(self) -> None:
        self._command: Command | None = None
        self._follows = False
        self._previous = ""

    def password_start(self, argument: Any) -> int:
        """Return where the password in the next argument begins; -1 if it has none."""
        if type(argument) is not str:
            self._follows = False
            return -1
        if self._command is None or not argument.startswith("-"):
            self._find_command(argument)
        command, follows, self._follows = self._command, self._follows, False
        if command is None:
            return -1
        if follows:
            return _password_start(argument, 0, command.form)
        option = _OPTION[command].match(argument)
        if option is None:
            return -1
        if option.end() < len(argument):
            return _password_start(argument, option.end(), command.form)
        self._follows = command.form != "attached"
        return -1

    def _find_command(self, argument: str) -> None:
        previous, self._previous = self._previous, argument[:256]
        if len(argument) > 256:  # noqa: PLR2004 -- longer than any path of a command
            return
        for pattern, command in _LIST_PATTERNS:
            if pattern.fullmatch(argument) or pattern.fullmatch(f"{previous} {argument}"):
                self._command = command


def _password_start(argument: str, start: int, form: Form) -> int:
    if form == "user":
        colon = argument.find(":", start)
        return colon + 1 if 0 <= colon < len(argument) - 1 else -1
    return start + (argument[start : start + 1] == "=")
