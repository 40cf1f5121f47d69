"""Waits for a cluster that is away, as long as it takes."""

from collections.abc import Callable
from random import Random
from threading import Event
from typing import TypeVar

from mlmon.elastic.errors import ClusterBusyError, ClusterUnreachableError
from mlmon.ingest.deliver import backoff
from mlmon.ingest.deliver.delivery import StoppedError

_Result = TypeVar("_Result")


def patiently(
    act: Callable[[], _Result], stopping: Event, report: Callable[[str], None]
) -> _Result:
    """Do something with the cluster, again and again until it can be reached.

    Args:
        act: What to do.
        stopping: Set when nothing is to be waited for any more.
        report: Told what is waited for.

    Raises:
        StoppedError: It is to stop first.
        UserError: Something else than the cluster's absence is wrong.
    """
    random = Random()
    attempt = 0
    while True:
        try:
            return act()
        except (ClusterUnreachableError, ClusterBusyError) as error:
            attempt += 1
            report(error.message)
            if stopping.wait(backoff.wait_s(attempt, random)):
                raise StoppedError from error
