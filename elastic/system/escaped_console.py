"""What a console of rich prints, with all that steers a terminal escaped but its own colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderHook
from rich.segment import Segment
from rich.text import Text

from mlmon.formatting import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import ConsoleRenderable


class Escaping(RenderHook):
    """Escapes the text of everything that a console prints."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Return what is printed, each part as it is rendered and then escaped."""
        return [_Escaped(renderable) for renderable in renderables]


class _Escaped:
    """Something to print, escaped; the control codes of a bar of progress are kept."""

    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._renderable, options):
            text, style, control = segment
            yield segment if control else Segment(visible(text), style)


def escaped(line: Text) -> Text:
    """Return a line with what steers a terminal escaped, before it is broken to a width."""
    plain = line.plain
    if visible(plain) == plain:
        return line
    places = (place for place, letter in enumerate(plain) if visible(letter) != letter)
    cuts = sorted({cut for place in places for cut in (place, place + 1)})
    found = Text(style=line.style, no_wrap=line.no_wrap, overflow=line.overflow)
    for part in line.divide(cuts):
        text = Text(visible(part.plain))
        for span in part.spans:
            text.stylize(span.style)
        found.append(text)
    return found
