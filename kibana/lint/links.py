"""Rule for links in Markdown: the dashboards they open exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.kibana.lint.bundle import Bundle

_VIEW: Final = re.compile(r"\(#/view/([^)?]+)")


def link_problems(markdown: str, bundle: Bundle) -> Iterator[str]:
    """Yield a message for each link to a dashboard that is not there."""
    for dashboard in _VIEW.findall(markdown):
        if ("dashboard", dashboard) not in bundle.ids:
            yield f"links to the dashboard {dashboard}, which does not exist"
