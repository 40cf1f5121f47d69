"""`mlmon logs` and `mlmon trace`."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlmon.elastic.command_options import JsonOption, Namespace, OptionalUntil, Since

if TYPE_CHECKING:
    from rich.console import Console

    from mlmon.report.terminal.search import EventFilter
    from mlmon.report.terminal.story import Sentence

app = typer.Typer()

_DETAILS_AT, _NARROW_DETAILS_AT = 25, 4
_WIDE = 100


@app.command()
def logs(  # noqa: PLR0917 - its options
    text: Annotated[
        str | None, typer.Argument(help="Words to find, next to each other, in message or error.")
    ] = None,
    level: Annotated[str | None, typer.Option(help="Least level to show, such as error.")] = None,
    service: Annotated[str | None, typer.Option(help="Show this service only.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Show this dataset only, such as access.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(help="Match FIELD=VALUE, or FIELD=* for any; repeat for several."),
    ] = None,
    since: Since = "1h",
    until: OptionalUntil = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of events.")] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing new events as they arrive.")
    ] = False,
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Search the logs; print the newest events, newest last."""
    from datetime import UTC, datetime

    from mlmon.analyzers.base.time_argument import check_order, time_argument
    from mlmon.elastic.connect import connect
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.shutdown import shutdown_event
    from mlmon.report.terminal.search import (
        EventFilter,
        check_known,
        dataset_argument,
        field_argument,
        level_argument,
        newest,
    )
    from mlmon.report.terminal.search import follow as following

    settings, now = load_settings(namespace=namespace), datetime.now(UTC)
    event_filter = EventFilter(
        time_argument(since, now),
        time_argument(until, now) if until else None,
        level_argument(level) if level else None,
        service,
        dataset_argument(dataset) if dataset else None,
        text,
        tuple(map(field_argument, field or ())),
    )
    check_order(event_filter.since, event_filter.until)
    with connect(settings) as cluster, shutdown_event() as stopping:
        found, total = newest(cluster, settings.namespace, event_filter, limit)
        shown = {str(event.get("event.id")) for event in found}
        asked = [name for name, _ in event_filter.fields]
        _show(iter(found), asked, as_json=as_json)
        if total > len(found):
            _say_left_out(len(found), total)
        if follow:
            coming = following(cluster, settings.namespace, event_filter, now, stopping)
            new = (event for event in coming if event.get("event.id") not in shown)
            _show(new, asked, as_json=as_json)
        elif not found:
            check_known(cluster, settings.namespace, event_filter)
            _print_nothing_found(event_filter, settings.namespace)


def _show(events: Iterator[dict[str, Any]], asked: list[str], *, as_json: bool) -> None:
    from mlmon.elastic.system.terminal import print_line, terminal_console
    from mlmon.report.terminal.line import line

    console = terminal_console()
    for event in events:
        if as_json:
            print(json.dumps(event, ensure_ascii=False), flush=True)
        else:
            print_line(console, line(event, asked), rest=4)


def _say_left_out(shown: int, total: int) -> None:
    import sys

    print(
        f"{shown:,} of {total:,} events, the newest; --until shows earlier ones, --limit more",
        file=sys.stderr,
    )


def _print_nothing_found(event_filter: "EventFilter", namespace: str) -> None:
    import sys

    from mlmon.analyzers.base.window import iso

    print(
        f"no such events in {event_filter.streams(namespace)} since {iso(event_filter.since)}; "
        "look further back with --since",
        file=sys.stderr,
    )


@app.command()
def trace(
    id_: Annotated[
        str,
        typer.Argument(metavar="ID", help="Id of a prediction, request, trace, bid or run."),
    ],
    namespace: Namespace = None,
    as_json: JsonOption = False,
) -> None:
    """Show all events for an id in time order."""
    from mlmon.elastic.connect import connect
    from mlmon.elastic.errors import UserError
    from mlmon.elastic.settings import load_settings
    from mlmon.elastic.system.terminal import terminal_console
    from mlmon.report.terminal.gathering import MOST_EVENTS, gather
    from mlmon.report.terminal.story import story

    settings = load_settings(namespace=namespace)
    with connect(settings) as cluster:
        gathered = gather(cluster, settings.namespace, id_)
    if not gathered.events:
        raise UserError(
            f"No event of namespace {settings.namespace} has the id {id_}",
            "Give the whole id of a prediction, request, trace, bid, job run or event.",
        )
    console = terminal_console()
    for sentence in story(gathered):
        if as_json:
            print(json.dumps(_document(sentence), ensure_ascii=False))
        else:
            _print_sentence(console, sentence)
    if gathered.cut:
        console.print(
            f"… and more: only the first {MOST_EVENTS:,} events are shown", soft_wrap=True
        )


def _document(sentence: "Sentence") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(sentence)


def _print_sentence(console: "Console", sentence: "Sentence") -> None:
    from rich.text import Text

    from mlmon.elastic.system.terminal import print_line
    from mlmon.report.terminal.line import LEVEL_STYLES

    style = LEVEL_STYLES.get(sentence.level, "")
    line = Text()
    line.append(sentence.time, "cyan")
    line.append(f"  {sentence.service}  ", "bold")
    line.append(sentence.text, style)
    # Details and what is broken stand below the text, unless a narrow terminal has no room there.
    narrow = console.is_terminal and console.width < _WIDE
    below = _NARROW_DETAILS_AT if narrow else _DETAILS_AT
    print_line(console, line, rest=below)
    for detail in sentence.details:
        print_line(console, Text(detail, "dim"), first=below, rest=below + 2)
