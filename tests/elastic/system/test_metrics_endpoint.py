"""`/metrics` of commands that run for long."""

import socket

import httpx
import pytest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mlmon.elastic.errors import UserError, WrongValueError
from mlmon.elastic.system.metrics_endpoint import metrics_endpoint, parse_address


class OneNumber(Collector):
    """A collector of one number."""

    def collect(self) -> list[GaugeMetricFamily]:
        """Return it."""
        return [GaugeMetricFamily("one", "A number.", 1.5)]


def test_it_answers_while_it_is_open_and_not_afterwards() -> None:
    """The numbers are served at the URL that is returned, and the port is free again."""
    with metrics_endpoint("0", OneNumber()) as url:
        assert url is not None
        assert "one 1.5" in httpx.get(url).text
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_without_an_address_nothing_is_served() -> None:
    """A command without the option opens no port."""
    with metrics_endpoint(None, OneNumber()) as url:
        assert url is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9465", ("127.0.0.1", 9465)),
        (":9465", ("127.0.0.1", 9465)),
        ("192.0.2.1:80", ("192.0.2.1", 80)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    """A port alone is one of loopback: other machines are let in only where they are named."""
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "x", "host", "host:", "65536", "-1", "1:2:x", "٣"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """The error shows what was given and what to write."""
    with pytest.raises(WrongValueError, match="no address for metrics"):
        parse_address(text)


def test_a_port_in_use_is_an_error_that_names_it() -> None:
    """The command ends before it does anything else."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=str(port)), metrics_endpoint(str(port)):
            pass
