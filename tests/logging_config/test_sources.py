"""Everything a Python program emits arrives in the one log, in the one form."""

import io
import json
import logging
import logging.config
import math
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, MutableMapping
from datetime import datetime
from decimal import Decimal
from logging.handlers import MemoryHandler, QueueHandler, QueueListener
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from mlmon.logging_config import (
    ConfigurationError,
    ContextFilter,
    EventLog,
    Model,
    Service,
    configure,
    context,
)
from mlmon.logging_config.prometheus import Metrics
from mlmon.logging_config.sources.formatter import EventFormatter
from mlmon.logging_config.sources.stdlib import EventHandler, level_name
from mlmon.logging_config.sources.structlog_source import Destination, EventLogger, merge_context

Events = Callable[[], list[dict[str, Any]]]

CONFIGURED = """
    import sys
    from pathlib import Path
    from mlmon.logging_config import Service, configure
    log = configure(Service("script", "1", "production"), Path(sys.argv[1]))
"""


def emit(folder: Path, script: str, *, fails: bool = False) -> list[dict[str, Any]]:
    """Run a script whose log is set up; the events it left."""
    path = folder / "log.jsonl"
    code = textwrap.dedent(CONFIGURED) + textwrap.dedent(script)
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode != 0) == fails, done.stderr
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_all_sources(tmp_path: Path) -> None:
    """structlog, logging, warnings, threads, finalizers, asyncio and the end write one log."""
    events = emit(
        tmp_path,
        """
        import asyncio, logging, structlog, threading, warnings
        structlog.contextvars.bind_contextvars(request_id="r1", shop="north")
        structlog.get_logger("a").warning("by %s", "structlog", n=1)
        logging.getLogger("b").error("by %s", "logging", extra={"n": 2})
        warnings.warn("by warnings")
        def fail(): raise ValueError("in a thread")
        thread = threading.Thread(target=fail); thread.start(); thread.join()
        class Broken:
            def __del__(self): raise ValueError("in a finalizer")
        Broken()
        async def forget():
            async def fail(): raise ValueError("in a task")
            task = asyncio.ensure_future(fail())
            await asyncio.sleep(0)
        asyncio.run(forget())
        raise ValueError("at the end")
        """,
        fails=True,
    )
    by_structlog, by_logging, by_warnings, thread, finalizer, task, end = events
    assert by_structlog["message"] == "by structlog"
    assert by_structlog["http.request.id"] == "r1"
    assert by_structlog["labels"] == {"n": 1, "shop": "north"}
    assert by_structlog["log.logger"] == "a"
    assert by_logging["message"] == "by logging"
    assert by_logging["http.request.id"] == "r1"
    assert by_logging["labels"] == {"n": 2, "shop": "north"}
    assert by_logging["process.thread.name"] == "MainThread"
    assert "by warnings" in by_warnings["message"]
    assert [event["error.message"] for event in (thread, finalizer, task, end)] == [
        "in a thread", "in a finalizer", "in a task", "at the end",
    ]  # fmt: skip
    assert end["log.level"] == "critical"
    names = [list(event)[:12] for event in events]
    assert all(name == names[0] for name in names)


def test_uvicorn(tmp_path: Path) -> None:
    """A real server's own lines arrive in the log, and a request is logged once."""
    events = emit(
        tmp_path,
        """
        import threading, time, urllib.request
        import uvicorn
        from fastapi import FastAPI
        from mlmon.logging_config import AccessLog
        app = FastAPI()
        app.add_middleware(AccessLog)
        @app.get("/x")
        def answer(): return 1
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started: time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        urllib.request.urlopen(f"http://127.0.0.1:{port}/x").read()
        server.should_exit = True
        thread.join()
        """,
    )
    requests = [event for event in events if event["event.dataset"] == "ml.access"]
    assert [event["http.response.status_code"] for event in requests] == [200]
    assert "event.duration" in requests[0]
    assert any("Application startup complete" in event["message"] for event in events)


def test_uvicorn_with_a_route_that_fails(tmp_path: Path) -> None:
    """Each request is one event, whose traceback line has the same trace and request id."""
    events = emit(
        tmp_path,
        """
        import threading, time, urllib.error, urllib.request
        import uvicorn
        from fastapi import FastAPI
        from mlmon.logging_config import AccessLog
        app = FastAPI()
        app.add_middleware(AccessLog)
        @app.get("/fail")
        def fail(): raise RuntimeError("broken")
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started: time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        for number in range(3):
            try: urllib.request.urlopen(f"http://127.0.0.1:{port}/fail?x=1")
            except urllib.error.HTTPError as error:
                log.app("info", "id", {"answered": error.headers["x-request-id"]})
        server.should_exit = True
        thread.join()
        """,
    )
    requests = [event for event in events if event["event.dataset"] == "ml.access"]
    traces = [event for event in events if event.get("log.logger") == "uvicorn.error"]
    tracebacks = [event for event in traces if "error.stack_trace" in event]
    answered = [event["labels"]["answered"] for event in events if event["message"] == "id"]
    assert len(requests) == len(tracebacks) == 3
    for field in ("trace.id", "http.request.id"):
        assert [event[field] for event in requests] == [event[field] for event in tracebacks]
    assert [event["http.request.id"] for event in requests] == answered


def test_elastic_apm(tmp_path: Path) -> None:
    """Within a transaction its ids are the event's; outside of one, the log makes a trace id."""
    events = emit(
        tmp_path,
        """
        import logging
        import elasticapm
        agent = elasticapm.Client(
            service_name="s", disable_send=True, central_config=False, metrics_interval="0ms",
            cloud_provider="none", instrument=False,
            transport_class="elasticapm.transport.base.Transport",
        )
        logging.info("outside")
        agent.begin_transaction("request")
        log.bid(bid_id="transaction", prediction_id="p")
        with elasticapm.capture_span("query"):
            logging.info("span")
            ids = (elasticapm.get_trace_id(), elasticapm.get_transaction_id(),
                   elasticapm.get_span_id())
        agent.end_transaction("request", "ok")
        log.app("info", "ids", {"ids": ids})
        agent.close()
        """,
    )
    outside, transaction, span, ids = events
    fields = ("trace.id", "transaction.id", "span.id")
    assert [span[field] for field in fields] == ids["labels"]["ids"]
    assert [transaction.get(field) for field in fields] == [*ids["labels"]["ids"][:2], None]
    assert len({event["trace.id"] for event in events}) == 3
    assert not any("labels" in event or "ml.log.changes" in event for event in (outside, span))


def relay(relayed: logging.Handler, kind: str) -> None:
    """Log three records in two contexts through a handler that passes them on later."""
    passing: logging.Handler
    queue: SimpleQueue[Any] = SimpleQueue()
    if kind == "memory":
        passing = MemoryHandler(100, flushLevel=100, target=relayed)
    else:
        passing = QueueHandler(queue)
    passing.addFilter(ContextFilter())
    logger = logging.Logger("relayed")  # noqa: LOG001 -- not to be found by other tests
    logger.addHandler(passing)
    with context(trace_id="a" * 32, request_id="r1"):
        logger.info("by %s", "args", extra={"n": 1})
        try:
            raise ValueError("broken")  # noqa: TRY301 -- it is the subject
        except ValueError:
            logger.exception("failed")
    with context(trace_id="b" * 32, request_id="r2"):
        logger.info({"message": "fields", "n": 2})
    with context(trace_id="c" * 32, request_id="r3"):  # of the call that passes them on
        if isinstance(passing, MemoryHandler):
            passing.close()
        else:
            listener = QueueListener(queue, relayed)
            listener.start()
            listener.stop()


@pytest.mark.parametrize("kind", ["memory", "queue"])
@pytest.mark.parametrize("form", ["handler", "formatter"])
def test_relayed_records(
    memory: Any, open_memory_log: Any, events: Events, kind: str, form: str
) -> None:
    """A record passed on keeps the time, ids, message and exception of its call."""
    stream = io.StringIO()
    relayed: logging.Handler = logging.StreamHandler(stream)
    relayed.setFormatter(EventFormatter(service="s"))
    if form == "handler":
        log = open_memory_log(memory, clock=time.time_ns, entity_id=None)
        relayed = EventHandler(lambda: log)
    created: list[float] = []
    relayed.addFilter(lambda record: created.append(record.created) or True)
    relay(relayed, kind)
    written = events() or [json.loads(line) for line in stream.getvalue().splitlines()]
    plain, failed, fields = written
    assert [event["trace.id"] for event in written] == ["a" * 32, "a" * 32, "b" * 32]
    assert [event["http.request.id"] for event in written] == ["r1", "r1", "r2"]
    assert [event["message"] for event in written] == ["by args", "failed", "fields"]
    assert (plain["labels"], fields["labels"]) == ({"n": 1}, {"n": 2})
    assert (failed["error.type"], failed["error.message"]) == ("ValueError", "broken")
    assert 'raise ValueError("broken")' in failed["error.stack_trace"]
    times = [datetime.fromisoformat(event["@timestamp"]).timestamp() for event in written]
    assert times == pytest.approx(created, abs=1e-6)
    assert not any("ml.log.changes" in event for event in written)


@pytest.mark.parametrize(
    "created", [0.0, 1e9, 7, 253_402_300_799.0, None, -1.0, math.nan, 1e300, "x"]
)
def test_the_time_of_a_record(created: Any) -> None:
    """An old record keeps its time; one that has none, or an impossible one, is written now."""
    record = logging.makeLogRecord({"msg": "m", "levelno": 20, "created": created})
    event = json.loads(EventFormatter(service="s").format(record))
    written = datetime.fromisoformat(event["@timestamp"]).timestamp()
    is_possible = created in (0.0, 1e9, 7, 253_402_300_799.0)
    assert written == (created if is_possible else pytest.approx(time.time(), abs=60))


def test_ids_on_records(log: EventLog, events: Events) -> None:
    """Ids OpenTelemetry put on a record stay with it, whichever thread writes it; "0" is none."""
    for trace_id, span_id in (("a" * 32, "b" * 16), ("0", "0")):
        record = logging.LogRecord("traced", logging.INFO, __file__, 1, "m", (), None)
        vars(record).update(otelTraceID=trace_id, otelSpanID=span_id, otelServiceName="s")
        EventHandler(lambda: log).handle(record)
    inside, outside = events()
    assert (inside["trace.id"], inside["span.id"]) == ("a" * 32, "b" * 16)
    assert "span.id" not in outside
    assert len(outside["trace.id"]) == 32
    assert "labels" not in inside


def test_levels(tmp_path: Path) -> None:
    """What is below the level is not written, by either library; typed events always are."""
    events = emit(
        tmp_path,
        """
        import logging, structlog
        logging.getLogger().debug("no"); structlog.get_logger().debug("no")
        logging.getLogger().info("yes"); structlog.get_logger().info("yes")
        log.bid(bid_id="b", prediction_id="p")
        """,
    )
    assert [event["message"] for event in events] == ["yes", "yes", "bid b placed"]


def test_configured_again(tmp_path: Path) -> None:
    """A second call takes the place of the first; loggers already made follow."""
    events = emit(
        tmp_path,
        """
        import structlog
        logger = structlog.get_logger()
        logger.info("first")
        configure(Service("second", "2", "production"), Path(sys.argv[1]))
        logger.info("second")
        """,
    )
    assert [event["service.name"] for event in events] == ["script", "second"]


def test_a_light_import() -> None:
    """Adopting the log imports neither pandas nor elasticsearch, nor what was not asked for."""
    code = """
        import sys
        import mlmon.logging_config
        heavy = {"pandas", "numpy", "elasticsearch", "prometheus_client", "fastapi", "structlog",
                 "asyncio", "pythonjsonlogger"}
        print(sorted(heavy & set(sys.modules)))
    """
    command = [sys.executable, "-S", "-c", f"import site; site.main()\n{textwrap.dedent(code)}"]
    assert subprocess.check_output(command, text=True).strip() == "[]"


def test_exceptions_of_structlog(log: EventLog, events: Events) -> None:
    """`exception`, `exc_info` and `stack_info` fill ECS's error fields."""
    logger = EventLogger(Destination(lambda: log), [merge_context], {})
    error = ValueError("given")
    try:
        raise RuntimeError("handled")  # noqa: TRY301 -- it is the subject
    except RuntimeError:
        logger.exception("one")
        logger.info("two", exc_info=True)
    logger.info("three", exc_info=error)
    logger.info("four", stack_info=True)
    one, two, three, four = events()
    assert one["log.level"] == "error"
    assert one["error.type"] == two["error.type"] == "RuntimeError"
    assert three["error.message"] == "given"
    assert "test_exceptions_of_structlog" in four["error.stack_trace"]
    assert "structured.py" not in four["error.stack_trace"]


def test_every_method_of_structlogs_loggers(tmp_path: Path) -> None:
    """A configured logger has the complete interface of structlog's two kinds of loggers."""
    events = emit(
        tmp_path,
        """
        import asyncio, logging, structlog
        from structlog.stdlib import BoundLogger
        from structlog.typing import FilteringBoundLogger
        logger = structlog.get_logger("shop")
        names = {name for kind in (FilteringBoundLogger, BoundLogger, structlog.PrintLogger)
                 for name in dir(kind) if not name.startswith("_")}
        log.app("info", "missing", {"names": [n for n in names if not hasattr(logger, n)]})
        logger.log(30, "by %s", "number", n=1)
        logger.log(25, "between")
        logger.log("ERROR", "by name")
        logger.log("loud", "unknown level")
        logger.log(object(), "no level")
        logger.log(10, "below the level")
        logger.log(level=40, event="by keyword")
        logger.info(event="by keyword")
        logger.err("err"); logger.failure("failure"); logger.msg("msg")
        asyncio.run(logger.alog(50, "async"))
        assert not logger.is_enabled_for(10) and logger.isEnabledFor(20)
        assert logger.get_effective_level() == logger.getEffectiveLevel() == logger.level == 20
        assert logger.name == "shop" and logger.hasHandlers() and not logger.disabled
        logger.handle(logging.makeLogRecord({"name": "shop", "msg": "record", "levelno": 40}))
        assert logger.bind(n=1).getChild("a").name == "shop.a"
        """,
    )
    written = [(event["message"], event["log.level"]) for event in events]
    assert events[0]["labels"] == {"names": []}
    assert written[1:] == [
        ("by number", "warning"), ("between", "info"), ("by name", "error"),
        ("unknown level", "info"), ("no level", "info"), ("by keyword", "error"),
        ("by keyword", "info"), ("err", "error"), ("failure", "error"), ("msg", "info"),
        ("async", "critical"), ("record", "error"),
    ]  # fmt: skip
    assert events[1]["labels"] == {"n": 1}
    assert {event["log.logger"] for event in events[1:]} == {"shop"}


def test_a_level_holds_for_all_names_of_a_method(tmp_path: Path) -> None:
    """Aliases, asynchronous methods and `exception` keep to the level, which a logger may set."""
    events = emit(
        tmp_path,
        """
        import asyncio, structlog
        configure(Service("script", "1", "production"), Path(sys.argv[1]), level="critical")
        logger = structlog.get_logger()
        for name in ("msg", "warn", "err", "failure", "exception"): getattr(logger, name)("no")
        for name in ("amsg", "awarn", "aerror", "aexception"):
            asyncio.run(getattr(logger, name)("no"))
        logger.fatal("yes")
        logger.setLevel("WARNING")
        logger.info("no"); logger.warn("set"); logger.bind(n=1).log(30, "bound")
        logger.setLevel(10)
        logger.debug("all"); structlog.get_logger().error("another logger")
        """,
    )
    assert [event["message"] for event in events] == ["yes", "set", "bound", "all"]


def test_attributes_nobody_has(log: EventLog) -> None:
    """A misspelt method is an AttributeError, as with structlog's own loggers."""
    logger = EventLogger(Destination(lambda: log), [], {})
    with pytest.raises(AttributeError):
        logger.inform("x")
    with pytest.raises(AttributeError):
        logger._none  # noqa: B018 -- reading it is the subject


def test_processors_of_the_service(log: EventLog, events: Events) -> None:
    """A processor may change or drop an event; one that fails does not cost it."""

    def drop(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event.get("noise"):
            raise structlog.DropEvent
        event["added"] = 10 / event["n"]
        return event

    logger = EventLogger(Destination(lambda: log), [merge_context, drop], {})
    logger.info("dropped", noise=True)
    logger.info("changed", n=2)
    logger.info("failed", n=0)
    assert [event["labels"] for event in events()] == [{"n": 2, "added": 5.0}, {"n": 0}]


def test_logging_with_wrong_arguments(log: EventLog, events: Events) -> None:
    """A format its arguments do not fit is written with them."""
    handler = EventHandler(lambda: log)
    for form, argument in (("%d items", "many"), ("%s %s", "one")):
        handler.handle(logging.LogRecord("wrong", 20, "", 1, form, (argument,), None))
    assert events()[0]["message"] == '["%d items",["many"]]'
    assert events()[1]["message"] == '["%s %s",["one"]]'


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "debug"), (10, "debug"), (20, "info"), (25, "info"), (30, "warning"), (60, "critical")],
)
def test_level_names(number: int, name: str) -> None:
    """Custom levels have the name of the level below them."""
    assert level_name(number) == name


def test_dict_config(capsys: pytest.CaptureFixture[str]) -> None:
    """The formatter drops into an existing `dictConfig`, with python-json-logger's options."""
    formatter = {
        "()": "mlmon.logging_config.EventFormatter",
        "service": "old",
        "environment": "production",
        "rename_fields": {"user_id": "http.request.id"},
        "static_fields": {"team": "bids"},
        "defaults": {"shard": 1},
    }
    logging.config.dictConfig({
        "version": 1,
        "formatters": {"json": formatter},
        "handlers": {"out": {
            "class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
        "loggers": {"old": {"handlers": ["out"], "level": "INFO"}},
        "disable_existing_loggers": False,
    })  # fmt: skip
    logger = logging.getLogger("old")
    logger.info("hello %s", "you", extra={"user_id": "u1"})
    logger.info({"message": "fields", "n": 1})
    logger.handlers.clear()
    text, fields = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert text["message"] == "hello you"
    assert text["http.request.id"] == "u1"
    assert text["labels"] == {"shard": 1, "team": "bids"}
    assert (text["service.name"], text["event.sequence"]) == ("old", 1)
    assert fields["message"] == "fields"
    assert fields["labels"]["n"] == 1


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_the_formatter_writes_a_file_of_any_encoding(tmp_path: Path, encoding: str) -> None:
    """A handler's file has the locale's encoding by default: a line is UTF-8 all the same."""
    handler = logging.FileHandler(tmp_path / "log.jsonl", encoding=encoding)
    handler.setFormatter(EventFormatter(service="s"))
    handler.handle(logging.LogRecord("n", 20, "p", 1, "größer 🚀", (), None))
    handler.close()
    event = json.loads((tmp_path / "log.jsonl").read_bytes().decode("utf-8"))
    assert event["message"] == "größer 🚀"


def test_a_long_text_of_the_formatter_stays_within_a_line() -> None:
    """Escaped, it would exceed what a shipper takes, so it is written in UTF-8."""
    labels = {f"text_{number}": "ж" * 900 for number in range(400)}
    record = logging.makeLogRecord({"msg": "m", "levelno": 20, **labels})
    line = EventFormatter(service="s").format(record)
    assert len(line.encode()) < 2**20
    assert json.loads(line)["labels"] == labels


def test_the_formatter_refuses_a_wrong_set_up() -> None:
    """An empty service is refused when logging is set up."""
    with pytest.raises(ConfigurationError, match="service's name"):
        EventFormatter(service="")
    formatter = {"class": "mlmon.logging_config.EventFormatter", "format": "%(message)s"}
    with pytest.raises(ValueError, match="formatter 'json'") as refused:
        logging.config.dictConfig({"version": 1, "formatters": {"json": formatter}})
    assert 'write "()"' in str(refused.value.__cause__)


def test_metrics_agree_with_the_log(memory: Any, open_memory_log: Any, events: Events) -> None:
    """Each counter equals the number of accepted events of its kind."""
    registry = CollectorRegistry()
    log = open_memory_log(memory, observers=(Metrics(registry),))
    model = Model("m", "1")
    for number in range(10):
        memory.rejects = number >= 7
        log.prediction(prediction_id="p", model=model, score=number / 10, approved=number > 5)
    memory.rejects = False
    log.job_started(name="train", run_id="r")
    log.job_ended(name="train", run_id="r", succeeded=True, duration_ns=2_000_000_000, records=5)
    log.fallback(source="stats")
    log.model_event(action="evaluate", succeeded=True, model=model, evaluation={"f1": 0.5})

    def count(dataset: str, **fields: object) -> int:
        return sum(
            event["event.dataset"] == dataset and fields.items() <= event.items()
            for event in events()
        )

    labels = {"model": "m", "version": "1"}
    sample = registry.get_sample_value
    for decision in ("approved", "rejected"):
        counted = sample("ml_predictions_total", {**labels, "decision": decision})
        assert counted == count("ml.prediction", **{"ml.prediction.decision": decision})
    assert sample("ml_prediction_score_count", labels) == count("ml.prediction") == 7
    assert sample("ml_job_runs_total", {"job_name": "train", "outcome": "success"}) == 1
    assert sample("ml_job_duration_seconds_sum", {"job_name": "train"}) == 2.0
    assert sample("ml_job_records_total", {"job_name": "train"}) == 5
    assert sample("ml_fallbacks_total", {"source": "stats"}) == count("ml.fallback")
    assert sample("ml_model_evaluation", {**labels, "metric": "f1"}) == 0.5
    assert sample("ml_log_dropped_total") == 3
    assert sample("ml_log_events_total", {"dataset": "ml.job"}) == count("ml.job") == 2


def test_a_name_that_utf8_cannot_encode_breaks_no_metrics(
    memory: Any, open_memory_log: Any
) -> None:
    """One such source, model or job, and nothing could be scraped any more."""
    registry = CollectorRegistry()
    log = open_memory_log(memory, observers=(Metrics(registry),))
    log.fallback(source="stats \udc80")
    log.job_ended(name="\ud800", run_id="r", succeeded=True)
    log.model_event(
        action="evaluate",
        succeeded=True,
        model=Model("\ud800", "\ud800"),
        evaluation={"\ud800": 1.0},
    )
    scraped = generate_latest(registry).decode()
    assert 'ml_fallbacks_total{source="stats \\\\udc80"} 1.0' in scraped
    assert scraped.count("ud800") > 3


def test_metrics_take_only_what_the_log_writes_as_a_number(
    memory: Any, open_memory_log: Any, events: Events
) -> None:
    """NaN, texts and calls with wrong arguments are counted as events, and spoil no sum."""
    registry = CollectorRegistry()
    log = open_memory_log(memory, observers=(Metrics(registry),))
    for score in (0.25, math.nan, "high", None, 10**400, True, Decimal("0.5"), np.float32(0.25)):
        log.prediction(prediction_id="p", model=Model("m", "1"), score=score, approved=True)
    log.prediction(prediction_id="p", wrong="argument")
    log.job_ended(name="j", run_id="r", succeeded=True, duration_ns="long", records=-1)
    log.model_event(action="evaluate", succeeded=True, evaluation={"f1": math.nan})
    scores = [event.get("ml.prediction.score") for event in events()]
    written = [score for score in scores if isinstance(score, float)]
    sample = registry.get_sample_value
    labels = {"model": "m", "version": "1"}
    assert sample("ml_prediction_score_sum", labels) == sum(written) == 1.0
    assert sample("ml_prediction_score_count", labels) == len(written)
    assert sample("ml_predictions_total", {**labels, "decision": "approved"}) == 8
    assert sample("ml_log_events_total", {"dataset": "ml.prediction"}) == 9
    assert sample("ml_job_runs_total", {"job_name": "j", "outcome": "success"}) == 1
    assert sample("ml_log_events_total", {"dataset": "ml.app"}) is None


def test_an_unknown_level() -> None:
    """A misspelt level is refused when the log is set up."""
    with pytest.raises(ConfigurationError, match="Unknown level 'loud'"):
        configure(Service("s"), level="loud")
