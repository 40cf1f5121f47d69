"""Text in a document that a benchmark writes, between two comments that name it."""

import os
import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def write_block(document: str, name: str, text: str) -> None:
    """Replace a block of a document.

    Args:
        document: Name of the file in `docs`.
        name: The block stands between `<!-- name: begin -->` and `<!-- name: end -->`.
        text: What is to stand there.

    Raises:
        ValueError: The document has no such block, or more than one.
    """
    path = DOCS / document
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    block = f"{begin}\n{text.strip()}\n{end}"
    pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
    written, count = re.subn(pattern, lambda _: block, path.read_text(), flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{document} has {count} blocks {name!r}")
    path.write_text(written)


def markdown_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, its first column to the left and the others to the right."""
    ruler = ["---", *["---:"] * (len(heading) - 1)]
    shown = [[f" {cell} " if cell else " " for cell in line] for line in [heading, ruler, *rows]]
    return "\n".join(f"|{'|'.join(cells)}|" for cells in shown)


def machine() -> str:
    """Return what a benchmark ran on, with the load at its end."""
    own = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"{own}, load {os.getloadavg()[0]:.1f} at the end"
