"""`/metrics` of a command that runs for long, for Prometheus to scrape."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmon.elastic.errors import UserError, WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.registry import Collector

LOOPBACK = "127.0.0.1"


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, or of `PORT` on loopback.

    Raises:
        WrongValueError: It is neither.
    """
    host, _, port = text.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() else -1
    if not 0 <= number < 1 << 16:  # the ports of TCP
        raise WrongValueError(
            f"{text!r} is no address for metrics", "Write a port such as 9465, or HOST:PORT."
        )
    return host or LOOPBACK, number


@contextmanager
def metrics_endpoint(address: str | None, *collectors: Collector) -> Iterator[str | None]:
    """Serve collectors over HTTP while inside; yield the URL, None without an address.

    Raises:
        UserError: The address is not free, or not one of this machine.
        WrongValueError: It cannot be read.
    """
    if address is None:
        yield None
        return
    from prometheus_client import CollectorRegistry, start_http_server

    host, port = parse_address(address)
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise UserError(
            f"{address} cannot serve metrics: {error.strerror or error}",
            "Name another port with --metrics.",
        ) from None
    try:
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
