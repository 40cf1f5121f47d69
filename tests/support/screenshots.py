"""Pictures of every page of `mlmon serve` and of the report: `make screenshots`.

Each page is drawn light and dark at 1,400 pixels and at 390, the width of a telephone. Whoever
changes a page looks at them: no test sees that a page is worth reading.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from mlmon.dashboards.definitions import dashboards
from mlmon.elastic.connect import connect
from mlmon.elastic.settings import load_settings
from mlmon.report.serve.server import Server
from mlmon.report.stored_incidents import open_incidents
from tests.support.browser import started_browser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser

LONGEST = 5_000
"""Pixels of a page that a picture shows from its top."""
README = {"overview": 1_420, "drift": 1_180}
"""Pages that README shows, by the pixels from their top."""
_TIMEOUT = 120_000


class Look(NamedTuple):
    """A width and a colour scheme."""

    width: int
    scheme: Literal["light", "dark"]


LOOKS = (Look(1_400, "light"), Look(1_400, "dark"), Look(390, "light"))


def take(browser: Browser, pages: Mapping[str, str], out: Path) -> Iterator[Path]:
    """Draw each page in each look and yield the files.

    Args:
        browser: The browser.
        pages: Addresses by the name of the page.
        out: Folder of the pictures.
    """
    for look in LOOKS:
        page = browser.new_page(
            viewport={"width": look.width, "height": 900}, color_scheme=look.scheme
        )
        for name, address in pages.items():
            page.goto(address, timeout=_TIMEOUT)
            if page.query_selector("figure.picture") is not None:
                page.wait_for_selector("body[data-pictures=drawn]", timeout=_TIMEOUT)
            height = int(page.evaluate("document.documentElement.scrollHeight"))
            path = out / f"{name}-{look.scheme}-{look.width}.png"
            clip = {"x": 0, "y": 0, "width": look.width, "height": min(height, LONGEST)}
            page.screenshot(path=path, full_page=True, clip=clip)  # type: ignore[arg-type] # a dict
            yield path
        page.close()


def take_for_readme(browser: Browser, pages: Mapping[str, str], out: Path) -> Iterator[Path]:
    """Draw the tops of the pages that README shows and yield the files."""
    for name, height in README.items():
        page = browser.new_page(viewport={"width": 1_240, "height": height})
        page.goto(pages[name], timeout=_TIMEOUT)
        page.wait_for_selector("body[data-pictures=drawn]", timeout=_TIMEOUT)
        path = out / f"{name}.png"
        page.screenshot(path=path)
        yield path
        page.close()


def main() -> None:
    """Serve a namespace, write its report, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--namespace", help="default: MLMON_NAMESPACE")
    parser.add_argument("--readme", type=Path, help="folder of README's pictures; takes only those")
    parser.add_argument("--since", default="7d", help="begin of the time range")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    settings = load_settings(namespace=given.namespace)
    report = given.out / "report.html"
    words = ["report", "--out", str(report), "--namespace", settings.namespace]
    if given.readme is None:
        subprocess.run([sys.executable, "-m", "mlmon", *words, "--since", given.since], check=True)
    with (
        connect(settings) as cluster,
        Server(cluster, settings.namespace) as server,
        started_browser() as browser,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = server.url.rstrip("/")
        pages = {shown.name: f"{base}/{shown.name}?since={given.since}" for shown in dashboards()}
        pages |= {"incidents": f"{base}/incidents", "report": report.absolute().as_uri()}
        for incident in list(open_incidents(cluster, settings.namespace))[:1]:
            pages["incident"] = f"{base}/incidents/{incident.record.id}"
        taken = (
            take(browser, pages, given.out)
            if given.readme is None
            else take_for_readme(browser, pages, given.readme)
        )
        for path in taken:
            print(path)


if __name__ == "__main__":
    main()
