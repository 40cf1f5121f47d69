"""Signals end a run in order, the second one at once."""

import signal

import pytest

from mlmon.elastic.system.shutdown import shutdown_event


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_asks_and_the_second_ends(number: signal.Signals) -> None:
    """The event is set by the first; the next one interrupts; afterwards all is as before."""
    before = signal.getsignal(number)
    with shutdown_event() as stopping:
        assert not stopping.is_set()
        signal.raise_signal(number)
        assert stopping.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before
