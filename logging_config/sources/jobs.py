"""Jobs: an event at the start and at the end of each run; its ids are on all events in between.

For any scheduler: `schedule.every().hour.do(job("train")(train))`; the same with APScheduler.
"""

import functools
import inspect
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import CoroutineType
from typing import Any, Final, TypeVar, cast

from mlmon.logging_config.configuration import current_log
from mlmon.logging_config.emit.context import context, make_id, reset
from mlmon.logging_config.emit.event_log import EventLog
from mlmon.logging_config.interruptions import is_interruption
from mlmon.logging_config.sources.request import mark_failure

_COMMON_NAMES: Final = frozenset(dir(object)) | {
    "__class_getitem__", "__copy__", "__deepcopy__", "__dict__", "__module__", "__setstate__",
    "__slots__", "__weakref__", "__annotations__", "__abstractmethods__", "_abc_impl",
    "__parameters__", "__orig_bases__", "__static_attributes__", "__firstlineno__",
}  # fmt: skip
_ITERATOR_NAMES: Final = _COMMON_NAMES | {
    "__iter__", "__next__", "__length_hint__", "from_iterable",
}  # fmt: skip
_AWAITABLE_NAMES: Final = _COMMON_NAMES | frozenset(dir(CoroutineType))
_FUTURE_METHODS: Final = ("add_done_callback", "cancel", "done", "exception", "result")
_F = TypeVar("_F", bound=Callable[..., Any])


class Run:
    """One run of a job.

    Attributes:
        name: name of the job.
        run_id: id of the run.
        records: records processed, set by the job; None if it does not count them.
    """

    __slots__ = ("_ended", "_log", "_started_ns", "_trace_id", "name", "records", "run_id")

    def __init__(self, name: str, run_id: str | None, log: EventLog | None) -> None:
        self.name = name
        self.run_id = run_id or make_id()
        self.records: int | None = None
        self._log = log or current_log()
        self._trace_id: str | None = None
        self._started_ns = time.perf_counter_ns()
        self._ended = False
        with self._active():
            self._log.job_started(name=name, run_id=self.run_id)

    @contextmanager
    def _active(self) -> Iterator[None]:
        """Make it the current run, with its ids on all events; once for each step."""
        token = _run.set(self)
        ids = {"trace_id": self._trace_id, "job": self.name, "run_id": self.run_id}
        try:
            with context(fresh=True, **ids) as self._trace_id:
                yield
        finally:
            reset(_run, token)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Run a part of the job; an exception ends the run as a failure."""
        with self._active():
            try:
                yield
            except (StopIteration, StopAsyncIteration):
                raise
            except BaseException as error:
                mark_failure(error)
                self.end(error)
                raise

    def end(self, error: BaseException | None = None) -> None:
        """Log the end of the run, once; `sys.exit(0)` is a success."""
        if self._ended:
            return
        self._ended = True
        if isinstance(error, SystemExit) and error.code in (None, 0):
            error = None
        with self._active():
            self._log.job_ended(
                name=self.name,
                run_id=self.run_id,
                succeeded=error is None,
                duration_ns=time.perf_counter_ns() - self._started_ns,
                records=self.records,
                error=error,
            )


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
        log: the log; the process-wide one when None. Without one the block runs, and a warning is
            written once.
    """
    run = Run(name, run_id, log)
    try:
        with run.step():
            yield run
    finally:
        run.end()


def job(name: str, *, log: EventLog | None = None) -> Callable[[_F], _F]:
    """Log each call of a function as a run of a job, from its start to the end of its work.

    The work of a coroutine function ends when it is awaited to its end, that of a generator when
    it is exhausted; a function that returns a coroutine, a generator, an iterator such as that of
    `map`, or a future likewise. A generator that is closed before its end is a failed run.

    Any other result is returned unchanged, and the run ends with the call: an object that can be
    awaited and more, such as a request of aiohttp, cannot be replaced by a coroutine.

    Args:
        name: name of the job.
        log: the log; the process-wide one when None.
    """

    def decorate(function: _F) -> _F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            run = Run(name, None, log)
            with run.step():
                result = function(*args, **kwargs)
            return _follow(run, result)

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            with job_run(name, log=log):
                return await function(*args, **kwargs)

        @functools.wraps(function)
        def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            return (yield from _generate(Run(name, None, log), function(*args, **kwargs)))

        @functools.wraps(function)
        async def generate_async(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            steps = _generate_async(Run(name, None, log), function(*args, **kwargs))
            try:
                async for item in steps:
                    yield item
            finally:
                await steps.aclose()

        if inspect.iscoroutinefunction(function):
            return cast("_F", call_async)
        if inspect.isgeneratorfunction(function):
            return cast("_F", generate)
        if inspect.isasyncgenfunction(function):
            return cast("_F", generate_async)
        return cast("_F", call)

    return decorate


def _follow(run: Run, result: Any) -> Any:
    """End the run now, or when what the function returned has ended; return the result."""
    if inspect.isgenerator(result):
        return _generate(run, result)
    if inspect.isasyncgen(result):
        return _generate_async(run, result)
    kind = type(result)  # not the result's own attributes: a mock has any
    if issubclass(kind, Iterator) and _has_only(kind, _ITERATOR_NAMES):
        return _Iteration(run, result)
    if issubclass(kind, Awaitable) and _has_only(kind, _AWAITABLE_NAMES):
        return _await(run, result)
    if not (_is_future(kind) and _ends_with(result, run)):
        run.end()
    return result


def _has_only(kind: type, names: frozenset[str]) -> bool:
    """Whether an object can do one thing only, so that another one may take its place.

    The iterator of `map` can only be iterated; a file can do more.
    """
    return set(dir(kind)) <= names


def _is_future(kind: type) -> bool:
    """Whether a class has the methods of a future of asyncio or concurrent.futures."""
    return all(callable(getattr(kind, name, None)) for name in _FUTURE_METHODS)


def _ends_with(future: Any, run: Run) -> bool:
    """Have a future end the run; return whether the future accepted that."""
    try:
        future.add_done_callback(functools.partial(_end_with, run))
    except BaseException as raised:
        if is_interruption(raised):
            raise
        return False
    return True


class _Iteration(Iterator[Any]):
    """Runs each step of an iterator in the run's context, and ends the run with it.

    An iterator that is dropped after its first step and before its end is a failed run, as a
    generator is; one that nobody has asked for an item leaves the run a success.
    """

    def __init__(self, run: Run, work: Iterator[Any]) -> None:
        self._run = run
        self._work = work
        self._began = False

    def __next__(self) -> Any:
        self._began = True
        try:
            with self._run.step():
                return next(self._work)
        except StopIteration:
            self._run.end()
            raise

    def __del__(self) -> None:
        with suppress(Exception):  # the interpreter may be ending
            self._run.end(GeneratorExit() if self._began else None)


def _end_with(run: Run, future: Any) -> None:
    """End the run as a future of asyncio or concurrent.futures ended."""
    try:
        run.end(future.exception())
    except BaseException as error:  # noqa: BLE001 -- a cancelled future raises
        run.end(error)


async def _await(run: Run, work: Awaitable[Any]) -> Any:
    with run.step():
        result = await work
    run.end()
    return result


def _generate(run: Run, work: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run each step of a generator in the run's context, which its consumer does not see."""
    advance: Callable[[], Any] = functools.partial(next, work)
    while True:
        try:
            with run.step():
                item = advance()
        except StopIteration as end:
            run.end()
            return end.value
        try:
            sent = yield item
            advance = functools.partial(work.send, sent)
        except GeneratorExit as error:
            with run.step():
                work.close()
            run.end(error)
            raise
        except BaseException as error:  # noqa: BLE001 -- thrown into the generator by its consumer
            advance = functools.partial(work.throw, error)


async def _generate_async(run: Run, work: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    """Run each step of an asynchronous generator in the run's context."""
    advance: Callable[[], Awaitable[Any]] = work.__anext__
    while True:
        try:
            with run.step():
                item = await advance()
        except StopAsyncIteration:
            run.end()
            return
        try:
            sent = yield item
            advance = functools.partial(work.asend, sent)
        except GeneratorExit as error:
            with run.step():
                await work.aclose()
            run.end(error)
            raise
        except BaseException as error:  # noqa: BLE001 -- thrown into the generator by its consumer
            advance = functools.partial(work.athrow, error)
