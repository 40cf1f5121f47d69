"""Send the API real HTTP requests, as clients and the autobidder do.

    python -m mlmon.autobid.load --url http://127.0.0.1:8000 --requests 520

sends a share of the requests before it asks for the model to be loaded (a server started with
`--cold` answers them 503), then good requests and bad ones. With `--logs`, bids are logged to
`<logs>/autobidder.jsonl` under the traces of their requests. How many answers there were per
status code is written to standard output as JSON.
"""

import argparse
import http.client
import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from mlmon.autobid.autobidder import Autobidder
from mlmon.autobid.components import BIDDER, SERVICE_ENVIRONMENT, SERVICE_VERSIONS
from mlmon.autobid.history import UNTROUBLED
from mlmon.autobid.market import Population
from mlmon.autobid.routes import PREDICT_PATH, RELOAD_PATH
from mlmon.autobid.traffic import SLOT, draw_requests, malform
from mlmon.logging_config import Service, context, open_log, traceparent

EARLY = 0.04
"""Share of the requests that is sent before the model is loaded."""

BAD = 0.05
"""Share of the others that is malformed."""


@dataclass(slots=True)
class Client:
    """One connection to the API, kept open; counts answers per status code."""

    url: str
    bidder: Autobidder | None = None
    statuses: Counter[int] = field(default_factory=Counter)
    bids: int = 0
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        place = urlsplit(self.url)
        if place.scheme != "http" or not place.hostname:
            raise ValueError(f"{self.url} is not an address like http://127.0.0.1:8000")
        self._connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)

    def predict(self, payload: dict[str, Any]) -> None:
        """Ask for a prediction under a trace of its own, and bid if that is the decision."""
        with context(fresh=True, trace_id=uuid.uuid4().hex) as trace_id:
            status, answer = self.post(PREDICT_PATH, payload)
            if status != http.HTTPStatus.OK or self.bidder is None:
                return
            bid = self.bidder.decide(
                prediction_id=answer["prediction_id"],
                approved=answer["approved"],
                price=payload["bid_price"],
                trace_id=trace_id,
            )
            if bid is not None:
                self.bidder.place(bid)
                self.bids += 1

    def post(self, path: str, payload: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Send JSON; returns the status and the answer."""
        headers = {"content-type": "application/json", "traceparent": traceparent()}
        self._connection.request("POST", path, json.dumps(payload), headers)
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        self.statuses[response.status] += 1
        return response.status, answer

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def draw_payloads(seed: int, count: int) -> list[dict[str, Any]]:
    """Bodies for so many requests, every twentieth of them malformed."""
    rng = np.random.default_rng([seed, 3])
    expected = np.array([count + 10 * count**0.5])
    now = time.time_ns() // SLOT * SLOT
    drawn = draw_requests(rng, now, expected, Population(seed), UNTROUBLED).payloads[:count]
    every = round(1 / BAD)
    return [
        malform(payload, index // every % 3) if index % every == every - 1 else payload
        for index, payload in enumerate(drawn)
    ]


def send(client: Client, payloads: Sequence[dict[str, Any]]) -> None:
    """Send the first few requests, have the model loaded, send the others."""
    early = round(len(payloads) * EARLY)
    for payload in payloads[:early]:
        client.predict(payload)
    client.post(RELOAD_PATH, {})
    for payload in payloads[early:]:
        client.predict(payload)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    bidder = _open_bidder(options.logs) if options.logs else None
    try:
        with closing(Client(options.url, bidder)) as client:
            send(client, draw_payloads(options.seed, options.requests))
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.stderr.write(f"error: no answers from {options.url}: {error}\n")
        return 1
    finally:
        if bidder is not None:
            bidder.log.close()
    counts = {str(status): count for status, count in sorted(client.statuses.items())}
    report = {"requests": client.statuses.total(), "statuses": counts, "bids": client.bids}
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


def _open_bidder(logs: Path) -> Autobidder:
    service = Service(BIDDER, version=SERVICE_VERSIONS[BIDDER], environment=SERVICE_ENVIRONMENT)
    return Autobidder(open_log(service, path=logs / f"{BIDDER}.jsonl"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlmon.autobid.load", description="Send the API real HTTP requests."
    )
    parser.add_argument("--url", required=True, help="where it is served, http://127.0.0.1:8000")
    parser.add_argument("--requests", type=int, default=520, help="predictions to ask for")
    parser.add_argument("--seed", type=int, default=7, help="start of all chance")
    parser.add_argument("--logs", type=Path, help="folder to log bids to; none are placed without")
    return parser


if __name__ == "__main__":
    sys.exit(main())
