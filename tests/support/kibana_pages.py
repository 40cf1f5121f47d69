"""A small stand-in for the pages of Kibana: a login and dashboards, with Kibana's own attributes.

What a dashboard shows is decided by the last word of its id: `good` panels, or the one trouble that
`TROUBLES` names for it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.support.loopback import listening

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

USER, PASSWORD = "elastic", "changeme"
LOGIN = """<form method="post" action="/login">
<input name="user" data-test-subj="loginUsername">
<input name="password" type="password" data-test-subj="loginPassword">
<button data-test-subj="loginSubmit">Log in</button></form>"""
DASHBOARD = """<!doctype html><title>Kibana</title><div id="app"></div><script>
const troubles = %s;
const id = location.hash.match(/^#\\/view\\/([^?]+)/)[1];
const trouble = troubles[id] ?? '';
const panel = (title, inside, complete) => `<div data-test-subj="embeddablePanel">
    <span data-test-subj="embeddablePanelTitle">${title}</span>
    <div data-shared-item data-title="${title}" data-render-complete="${complete}">${inside}</div>
    </div>`;
const draw = (complete) => document.getElementById('app').innerHTML =
    `<div data-shared-items-container data-shared-items-count="2">${panel('Requests', 'a chart',
    complete)}${panel('Latency', trouble.startsWith('<') ? trouble : 'a chart',
    complete && trouble !== 'waits')}</div>`;
if (trouble !== 'absent') setTimeout(() => { draw(false); setTimeout(() => draw(true), 30); }, 30);
if (trouble === 'throws') throw new Error('a script broke');
</script>"""


@contextmanager
def serving_pages(troubles: Mapping[str, str]) -> Iterator[str]:
    """Serve the pages on loopback; yield the URL.

    Args:
        troubles: By dashboard's id: `waits`, `absent`, `throws`, or what stands in a panel.
    """

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = "sid=1" in (self.headers.get("Cookie") or "")
            if not known and urlsplit(self.path).path != "/login":
                self._answer(302, "", Location="/login")
                return
            page = LOGIN if not known else DASHBOARD % json.dumps(troubles).replace("<", "\\u003c")
            self._answer(200, page)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if form != {"user": [USER], "password": [PASSWORD]}:
                self._answer(401, LOGIN)
                return
            self._answer(303, "", Location="/app/home", **{"Set-Cookie": "sid=1; Path=/"})

        def _answer(self, status: int, page: str, **headers: str) -> None:
            body = page.encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with listening(Requests) as url:
        yield url
