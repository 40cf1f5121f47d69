"""Options that several commands share: one name, one meaning, one help text."""

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON: one document per line.")]
Namespace = Annotated[
    str | None, typer.Option(help="Environment to use. (default: MLMON_NAMESPACE)")
]
Since = Annotated[
    str, typer.Option(help="Start of the period: ISO time, or how long ago, such as 14d.")
]
Until = Annotated[
    str, typer.Option(help="End of the period: ISO time, how long ago, such as 6h, or now.")
]
OptionalSince = Annotated[
    str | None, typer.Option("--since", help="Start of the period: ISO time, or such as 14d.")
]
OptionalUntil = Annotated[
    str | None, typer.Option("--until", help="End of the period: ISO time, or such as 6h.")
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="Show what was known then: ISO time, or how long ago."),
]

_EARLIER = {
    "--from": "--since",
    "--to": "--until",
    "--with-from": "--with-since",
    "--with-to": "--with-until",
}


class PeriodCommand(TyperCommand):
    """A command with a period; it also accepts the earlier names of its options, unlisted."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Replace `--from` by `--since` and `--to` by `--until`, then parse as usual."""
        return super().parse_args(ctx, [_current(word) for word in args])


def _current(word: str) -> str:
    name, equals, value = word.partition("=")
    return _EARLIER.get(name, name) + equals + value
