"""Jobs: an event at the start and at the end of each run; its ids are on all events in between.

For any scheduler: `schedule.every().hour.do(job("train")(train))`; the same with APScheduler.
"""

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from mlmon.logging_config.configuration import process_log
from mlmon.logging_config.emit.context import context, make_id
from mlmon.logging_config.emit.event_log import EventLog

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(slots=True)
class Run:
    """One run of a job.

    Attributes:
        name: name of the job.
        run_id: id of the run.
        records: records processed, set by the job; None if it does not count them.
    """

    name: str
    run_id: str
    records: int | None = None


_run: ContextVar[Run | None] = ContextVar("logging_config_run", default=None)


def current_run() -> Run | None:
    """Return the current run; None outside a job."""
    return _run.get()


@contextmanager
def job_run(name: str, *, run_id: str | None = None, log: EventLog | None = None) -> Iterator[Run]:
    """Log a run: its start, then its success or failure with duration, records and error.

    An exception of the block is logged and raised again.

    Args:
        name: name of the job.
        run_id: id of the run; generated when None.
        log: the log; the process-wide one when None.
    """
    log = log or process_log()
    run = Run(name, run_id or make_id())
    token = _run.set(run)
    started = time.perf_counter_ns()
    failure: BaseException | None = None
    with context(fresh=True, job=name, run_id=run.run_id):
        log.job_started(name=name, run_id=run.run_id)
        try:
            yield run
        except BaseException as error:
            failure = error
            raise
        finally:
            log.job_ended(
                name=name,
                run_id=run.run_id,
                succeeded=failure is None,
                duration_ns=time.perf_counter_ns() - started,
                records=run.records,
                error=failure,
            )
            _run.reset(token)


def job(name: str, *, log: EventLog | None = None) -> Callable[[_F], _F]:
    """Log each call of a function or coroutine function as a run of a job.

    Args:
        name: name of the job.
        log: the log; the process-wide one when None.
    """

    def decorate(function: _F) -> _F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with job_run(name, log=log):
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            with job_run(name, log=log):
                return await function(*args, **kwargs)

        return cast("_F", call_async if inspect.iscoroutinefunction(function) else call)

    return decorate
