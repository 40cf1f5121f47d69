"""Options that several commands share: one name, one meaning, one help text."""

from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON: one document per line.")]
Namespace = Annotated[
    str | None, typer.Option(help="Environment to use. (default: MLMON_NAMESPACE)")
]
MetricsOption = Annotated[
    str | None,
    typer.Option("--metrics", help="Serve Prometheus metrics: a port on loopback, or HOST:PORT."),
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
