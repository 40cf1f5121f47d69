"""A running `mlmon serve` with an incident in it, and visitors who fill in its forms."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import httpx

from mlmon.alerting.publish import update
from mlmon.alerting.settings import AlertingSettings
from mlmon.analyzers.base.window import DAY, HOUR
from mlmon.analyzers.run.findings_store import FindingStore
from mlmon.report.serve.people import TokenPeople
from mlmon.report.serve.server import Server
from tests.support.histories import START, spell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.elastic.client.cluster import Cluster

TOKEN = "a-token-of-the-tests"  # noqa: S105 - of no server but the tests'
BEGIN, NOW = START - DAY, START + 6 * HOUR
QUALITY = {"analyzer": "data_quality", "metric": "missing.rate", "model_name": "autobid"}


def happen(cluster: Cluster, namespace: str, letters: str, subject: str = "price") -> None:
    """Store a history of one series as letters, and bring incidents up to it."""
    FindingStore(cluster, namespace).write(spell(letters, subject, **QUALITY), START)
    update(cluster, namespace, BEGIN, NOW, AlertingSettings())


@contextmanager
def serving(cluster: Cluster, namespace: str, **known: Any) -> Iterator[Server]:
    """Run a server; by default people sign in with `TOKEN`."""
    known.setdefault("people", TokenPeople(TOKEN))
    with Server(cluster, namespace, **known) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
    thread.join(10)
    assert not thread.is_alive()


class Visitor:
    """A browser's part: keeps cookies, names its origin, and sends the forms of pages."""

    def __init__(self, server: Server) -> None:
        self.origin = server.url.rstrip("/")
        self.client = httpx.Client(base_url=self.origin, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def get(self, path: str) -> httpx.Response:
        """Load a page."""
        return self.client.get(path)

    def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
        """Send fields as a form of our own pages does, unless headers say otherwise."""
        sent = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"} | (headers or {})
        return self.client.post(
            path, data=form, headers={name: value for name, value in sent.items() if value}
        )

    def hidden(self, path: str) -> dict[str, str]:
        """Return the hidden fields of a page's form: what a browser would send along."""
        page = self.get(path).text.split("<main")[1]
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))

    def sign_in(self, name: str = "ada", secret: str = TOKEN) -> httpx.Response:
        """Sign in by the form."""
        return self.post("/sign-in", **self.hidden("/sign-in"), name=name, secret=secret)

    def act(self, incident: str, act: str, **form: str) -> httpx.Response:
        """Load the page of an act, and send its form."""
        path = f"/incidents/{incident}/{act}"
        return self.post(path, **self.hidden(path), **form)
