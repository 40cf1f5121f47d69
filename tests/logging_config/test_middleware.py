"""The ASGI middleware: one access event per request, its ids on all the request's events."""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CollectorRegistry

from mlmon.logging_config import (
    AccessLog,
    EventLog,
    configuration,
    errors,
    job,
    publish_evaluation,
    set_error_code,
)
from mlmon.logging_config.prometheus import expose
from mlmon.logging_config.sources.asgi import Message, Receive, Scope, Send
from mlmon.logging_config.sources.stdlib import EventHandler

Events = Callable[[], list[dict[str, Any]]]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def make_app(log: EventLog) -> FastAPI:
    """An application that answers, refuses, fails and streams."""
    app = FastAPI()
    app.add_middleware(AccessLog, log=log)

    @app.post("/bid")
    def bid() -> str:
        return log.bid(bid_id="b", prediction_id="p")

    @app.get("/refuse")
    def refuse() -> None:
        set_error_code("invalid_input")
        raise HTTPException(400)

    @app.get("/fail")
    def fail() -> None:
        raise RuntimeError("broken")

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"a"
            yield b"b"

        return StreamingResponse(pieces())

    @app.get("/broken")
    async def broken() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"a"
            raise RuntimeError("broken off")

        return StreamingResponse(pieces())

    return app


def ask(app: Any, method: str, path: str, **headers: str) -> httpx.Response:
    """Send one request to an application in this process."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(send())


def test_a_request(log: EventLog, events: Events) -> None:
    """The access event and the handler's own share trace and request id, which is answered."""
    header = f"00-{TRACE}-00f067aa0ba902b7-01"
    answer = ask(make_app(log), "POST", "/bid?token=secret", traceparent=header)
    bid, access = events()
    assert answer.json() == bid["event.id"]
    assert bid["trace.id"] == access["trace.id"] == TRACE
    assert bid["span.id"] == "00f067aa0ba902b7"
    assert bid["http.request.id"] == access["http.request.id"] == answer.headers["x-request-id"]
    assert access["event.dataset"] == "ml.access"
    assert access["url.path"] == "/bid"
    assert access["http.response.status_code"] == 200
    assert access["event.duration"] > 0


def test_each_request_has_ids_of_its_own(log: EventLog, events: Events) -> None:
    """Without headers ids are made; a caller's request id is taken if it is one."""
    app = make_app(log)
    ask(app, "GET", "/stream")
    ask(app, "GET", "/stream", **{"x-request-id": "caller-1"})
    ask(app, "GET", "/stream", **{"x-request-id": "no id, but an injection"})
    first, second, third = events()
    assert len({event["trace.id"] for event in (first, second, third)}) == 3
    assert second["http.request.id"] == "caller-1"
    assert len(third["http.request.id"]) == 32


@pytest.mark.parametrize(
    ("path", "status", "level", "code"),
    [("/refuse", 400, "warning", "invalid_input"), ("/nowhere", 404, "warning", None)],
)
def test_errors(
    log: EventLog, events: Events, path: str, status: int, level: str, code: str | None
) -> None:
    """Refusals carry their status, level and the application's code."""
    ask(make_app(log), "GET", path)
    (event,) = events()
    assert event["http.response.status_code"] == status
    assert event["log.level"] == level
    assert event.get("error.code") == code


def test_a_failure(log: EventLog, events: Events) -> None:
    """An exception is logged as status 500, with its stack, and goes on to the server."""
    assert ask(make_app(log), "GET", "/fail").status_code == 500
    (event,) = events()
    assert event["http.response.status_code"] == 500
    assert event["error.type"] == "RuntimeError"
    assert "broken" in event["error.stack_trace"]


def test_a_client_that_leaves(log: EventLog, events: Events) -> None:
    """A request cancelled before its answer is logged as 499."""

    async def never(_: Scope, __: Receive, ___: Send) -> None:
        await asyncio.Event().wait()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        """Take an answer."""

    async def leave() -> None:
        scope = {"type": "http", "method": "GET", "path": "/slow", "headers": []}
        task = asyncio.ensure_future(AccessLog(never, log)(scope, receive, send))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert events()[0]["http.response.status_code"] == 499


def test_other_protocols_pass(log: EventLog, events: Events) -> None:
    """The lifespan and web sockets are not requests."""
    reached: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        reached.append(scope["type"])

    for kind in ("lifespan", "websocket"):
        asyncio.run(AccessLog(app, log)({"type": kind}, None, None))  # type: ignore[arg-type]
    assert reached == ["lifespan", "websocket"]
    assert events() == []


def uvicorn_record() -> logging.LogRecord:
    """A record as uvicorn's protocols make it."""
    args = ("127.0.0.1:5", "GET", "/x?token=abc", "1.1", 404)
    form = '%s - "%s %s HTTP/%s" %d'
    return logging.LogRecord("uvicorn.access", logging.INFO, "", 1, form, args, None)


def test_uvicorn_alone(log: EventLog, events: Events) -> None:
    """Without the middleware, uvicorn's own access records become access events."""
    EventHandler(lambda: log).handle(uvicorn_record())
    (event,) = events()
    assert event["event.dataset"] == "ml.access"
    assert event["url.path"] == "/x"
    assert event["http.response.status_code"] == 404


def test_uvicorn_with_the_middleware(log: EventLog, events: Events) -> None:
    """With the middleware, a request is logged once."""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404})
        EventHandler(lambda: log).handle(uvicorn_record())
        await send({"type": "http.response.body"})

    ask(AccessLog(app, log), "GET", "/x")
    assert len(events()) == 1


def test_without_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A service that forgot `configure` serves requests, runs jobs and warns once."""
    monkeypatch.setattr(configuration, "_process_log", None)
    monkeypatch.setattr(errors, "_warned", set())
    app = FastAPI()
    app.add_middleware(AccessLog)

    @app.get("/x")
    def answer() -> int:
        return job("j")(lambda: 7)()  # type: ignore[no-any-return]

    for _ in range(2):
        assert ask(app, "GET", "/x").json() == 7
    publish_evaluation(tmp_path)
    assert capsys.readouterr().err.count("call logging_config.configure first") == 1


def test_a_failure_is_one_event_with_its_id(log: EventLog, events: Events) -> None:
    """As the outermost middleware, it answers an exception with the request's id."""
    answer = ask(make_app(log), "GET", "/fail", **{"x-request-id": "r-1"})
    (event,) = events()
    assert answer.status_code == 500
    assert answer.headers.get_list("x-request-id") == ["r-1"] == [event["http.request.id"]]
    assert event["message"].startswith("GET /fail 500 in ")
    assert event["message"].endswith(" (RuntimeError)")


def test_the_services_own_error_page_is_kept(log: EventLog, events: Events) -> None:
    """The handler of the application for exceptions still makes the answer."""
    app = make_app(log)

    @app.exception_handler(Exception)
    async def page(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"sorry": str(error)}, status_code=503)

    answer = ask(app, "GET", "/fail")
    assert (answer.status_code, answer.json()) == (503, {"sorry": "broken"})
    (event,) = events()
    assert event["http.response.status_code"] == 503
    assert answer.headers["x-request-id"] == event["http.request.id"]


def test_another_middleware_may_answer_exceptions(log: EventLog, events: Events) -> None:
    """An outer middleware that turns exceptions into answers still does."""
    app = make_app(log)

    class Answering:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await self.app(scope, receive, send)
            except RuntimeError:
                await JSONResponse({}, status_code=418)(scope, receive, send)

    app.add_middleware(Answering)
    assert ask(app, "GET", "/fail").status_code == 418
    record = uvicorn_record()
    record.args = ("127.0.0.1:123", "GET", "/fail?x=1", "1.1", 418)  # httpx's transport is 123
    EventHandler(lambda: log).handle(record)
    assert len(events()) == 1
    EventHandler(lambda: log).handle(record)  # another request of the same client
    assert len(events()) == 2


def test_a_broken_stream_is_an_error(log: EventLog, events: Events) -> None:
    """A response that breaks off half-way is an error, with any status."""
    ask(make_app(log), "GET", "/broken")
    ask(make_app(log), "GET", "/stream")
    broken, complete = events()
    assert broken["http.response.status_code"] == 200
    assert broken["log.level"] == "error"
    assert broken["error.code"] == "response_incomplete"
    assert broken["error.type"] == "RuntimeError"
    assert complete["log.level"] == "info"
    assert "error.code" not in complete


def with_http_middleware(log: EventLog) -> FastAPI:
    """The application with two of Starlette's own middlewares inside the log's."""
    app = FastAPI()

    @app.middleware("http")
    async def inner(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    @app.middleware("http")
    async def outer(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    app.add_middleware(AccessLog, log=log)
    return app


def test_a_stream_that_breaks_off_below_starlettes_middleware(
    log: EventLog, events: Events
) -> None:
    """It is an error although that middleware ends the response as if it were complete."""
    app = with_http_middleware(log)

    async def pieces(number: int) -> AsyncIterator[bytes]:
        yield b"a"
        if number == 0:
            raise RuntimeError("broken off")
        yield b"b"

    @app.get("/stream/{number}")
    async def stream(number: int) -> StreamingResponse:
        return StreamingResponse(pieces(number))

    @app.get("/coded")
    async def coded() -> StreamingResponse:
        set_error_code("source_gone")
        return StreamingResponse(pieces(0))

    for path in ("/stream/0", "/stream/1", "/coded"):
        ask(app, "GET", path)
    broken, complete, coded_event = events()
    assert (broken["http.response.status_code"], broken["log.level"]) == (200, "error")
    assert broken["error.code"] == "response_incomplete"
    assert (broken["error.type"], broken["error.message"]) == ("RuntimeError", "broken off")
    assert "pieces" in broken["error.stack_trace"]
    assert broken["message"].endswith(" (response_incomplete)")
    assert complete["log.level"] == "info"
    assert "error.type" not in complete
    assert coded_event["error.type"] == "RuntimeError"


def test_a_route_that_fails_below_starlettes_middleware(log: EventLog, events: Events) -> None:
    """Its exception is that of the 500, without a code."""
    app = with_http_middleware(log)

    @app.get("/fail")
    def fail() -> None:
        raise RuntimeError("broken")

    assert ask(app, "GET", "/fail").status_code == 500
    (event,) = events()
    assert (event["http.response.status_code"], event["error.type"]) == (500, "RuntimeError")
    assert "error.code" not in event


@pytest.mark.parametrize("arrangement", ["mounted", "twice", "mounted twice", "around"])
def test_a_request_below_several_middlewares_is_one_event(
    log: EventLog, events: Events, arrangement: str
) -> None:
    """The outermost logs it; inner ones change neither its ids nor its answer."""
    app, sub = FastAPI(), FastAPI()
    sub.add_middleware(AccessLog, log=log)
    served: Any = app
    if arrangement == "around":
        served = AccessLog(app, log)
    else:
        app.add_middleware(AccessLog, log=log)
    if "twice" in arrangement:
        app.add_middleware(AccessLog, log=log)

    @sub.get("/{name}")
    def answer(name: str) -> str:
        log.bid(bid_id="b", prediction_id="p")
        if name == "fail":
            raise RuntimeError("broken")
        return name

    app.mount("/sub", sub)
    header = f"00-{TRACE}-00f067aa0ba902b7-01"
    good = ask(served, "GET", "/sub/x", traceparent=header)
    failed = ask(served, "GET", "/sub/fail")
    bid, access, failed_bid, failure = events()
    assert bid["trace.id"] == access["trace.id"] == TRACE
    for answered, event, within in ((good, access, bid), (failed, failure, failed_bid)):
        assert event["event.dataset"] == "ml.access"
        assert event["http.request.id"] == within["http.request.id"]
        assert answered.headers.get_list("x-request-id") == [event["http.request.id"]]
    assert (access["url.path"], access["http.response.status_code"]) == ("/sub/x", 200)
    assert (failed.status_code, failure["http.response.status_code"]) == (500, 500)
    assert failure["error.type"] == "RuntimeError"


def test_a_request_within_a_request_is_one_more_event(log: EventLog, events: Events) -> None:
    """An application that asks another one in its process is a client: two requests."""
    inner, outer = FastAPI(), FastAPI()
    for app in (inner, outer):
        app.add_middleware(AccessLog, log=log)

    @inner.get("/inner")
    def answer() -> int:
        return 1

    @outer.get("/outer")
    async def pass_on() -> Any:
        transport = httpx.ASGITransport(inner)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get("/inner")).json()

    assert ask(outer, "GET", "/outer").json() == 1
    assert [event["url.path"] for event in events()] == ["/inner", "/outer"]
    assert len({event["http.request.id"] for event in events()}) == 2


def test_a_response_that_never_ends_is_an_error(log: EventLog, events: Events) -> None:
    """An application that returns before its response is complete has broken it off."""

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await receive()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        """Take an answer."""

    scope = {"type": "http", "method": "GET", "path": "/s", "headers": []}
    asyncio.run(AccessLog(app, log)(scope, receive, send))
    (event,) = events()
    assert event["log.level"] == "error"
    assert event["error.code"] == "client_disconnected"


def test_a_failed_background_task_is_not_the_requests_failure(
    log: EventLog, events: Events
) -> None:
    """A task that fails after the response was sent leaves the request a success."""
    for app in (make_app(log), with_http_middleware(log)):

        @app.get("/task")
        def task(tasks: BackgroundTasks) -> int:
            def fail() -> None:
                raise RuntimeError("later")

            tasks.add_task(fail)
            return 1

        ask(app, "GET", "/task")
    for event in events():
        assert (event["http.response.status_code"], event["log.level"]) == (200, "info")
        assert "error.type" not in event
    assert len(events()) == 2


async def answer_async(_: Request, error: Exception) -> JSONResponse:
    """A service's own error page."""
    return JSONResponse({"sorry": str(error)}, status_code=500)


def answer_sync(_: Request, error: Exception) -> JSONResponse:
    """The same, which Starlette calls in a thread."""
    return JSONResponse({"sorry": str(error)}, status_code=500)


@pytest.mark.parametrize("place", ["outermost", "middle", "innermost"])
@pytest.mark.parametrize("page", [None, answer_async, answer_sync, functools.partial(answer_async)])
@pytest.mark.parametrize("debug", [False, True])
def test_a_failure_has_its_id_in_any_order_of_middlewares(
    log: EventLog, events: Events, *, place: str, page: Any, debug: bool
) -> None:
    """The first failure and the next have their own ids, whoever makes the answer."""
    app = FastAPI(debug=debug)

    @app.get("/fail")
    def fail() -> None:
        raise RuntimeError("broken")

    def add(kind: str) -> None:
        if kind == "log":
            app.add_middleware(AccessLog, log=log)
        elif kind == "metrics":
            expose(app, CollectorRegistry())
        else:

            @app.middleware("http")
            async def passing(request: Request, call_next: Any) -> Any:
                return await call_next(request)

    orders = {
        "outermost": ("metrics", "http", "log"),
        "middle": ("http", "log", "metrics"),
        "innermost": ("log", "metrics", "http"),
    }
    for kind in orders[place]:
        add(kind)
    if page is not None:
        app.add_exception_handler(Exception, page)
    for request_id in ("r-1", "r-2"):
        answer = ask(app, "GET", "/fail", **{"x-request-id": request_id})
        assert answer.status_code == 500
        assert answer.headers.get_list("x-request-id") == [request_id]
        assert ("sorry" in answer.text) == (page is not None and not debug)
    assert [event["http.request.id"] for event in events()] == ["r-1", "r-2"]
