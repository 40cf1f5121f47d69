"""The end of a process by a signal or an exception, loggers in other processes, and doubles."""

import copy
import json
import logging
import logging.config
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mlmon.logging_config.sources.formatter import EventFormatter

DEADLINE_S = 60.0


def end(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a Python process to its end."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


SIGTERM = """
    import asyncio, os, signal, sys, threading
    from pathlib import Path
    from mlmon.logging_config import Service, configure
    def set_up():
        global log
        log = configure(Service("ended", "1", "production"), Path(sys.argv[1]))
    def write(numbers):
        for number in numbers:
            log.app("info", "m", {"number": number})
    def in_thread(target, *args):
        thread = threading.Thread(target=target, args=args)
        thread.start()
        thread.join()
    async def set_and_remove():
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, print)
        loop.remove_signal_handler(signal.SIGTERM)
"""


@pytest.mark.parametrize(
    "steps",
    [
        "set_up(); asyncio.run(set_and_remove())",
        "in_thread(set_up)",
        "set_up(); signal.signal(signal.SIGTERM, signal.SIG_DFL)",
    ],
)
def test_a_handler_that_is_gone_is_set_when_the_writer_starts(tmp_path: Path, steps: str) -> None:
    """SIGTERM loses nothing where the default handler was set before the first event."""
    script = f"""{SIGTERM}
    {steps}
    write(range(100))
    os.kill(os.getpid(), signal.SIGTERM)
    """
    ended = end(script, tmp_path / "log.jsonl")
    assert ended.returncode == -signal.SIGTERM
    assert len(read(tmp_path / "log.jsonl")) == 100
    assert ended.stderr == ""


IMPATIENT = f"""{SIGTERM}
    import time
    from mlmon.logging_config.sinks.file_sink import FileSink
    write_lines = FileSink.write
    def write_one(sink, lines):
        time.sleep(0.02)
        return write_lines(sink, lines[: lines.index(b"\\n") + 1])
    FileSink.write = write_one
    def insist():
        while True:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.001)
    set_up()
    write(range(50))
    threading.Thread(target=insist, daemon=True).start()
    time.sleep(30)
"""


def test_many_signals_lose_nothing(tmp_path: Path) -> None:
    """A supervisor that repeats SIGTERM interrupts neither the writing of the queue nor the end."""
    ended = end(IMPATIENT, tmp_path / "log.jsonl")
    assert ended.returncode == -signal.SIGTERM
    assert ended.stderr == ""
    assert len(read(tmp_path / "log.jsonl")) == 50


OPENING = """
    import os, sys, threading, time
    from pathlib import Path
    from mlmon.logging_config import Service, open_log
    sys.setswitchinterval(1e-6)
    logs = [open_log(Service("s", "1", "production"), path=Path(os.devnull)) for _ in range(300)]
    def open_more():
        while True:
            logs.append(open_log(Service("s", "1", "production"), path=Path(os.devnull)))
    for _ in range(2):
        threading.Thread(target=open_more, daemon=True).start()
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        if child := os.fork():
            os.waitpid(child, 0)
        else:
            os._exit(0)
"""


def test_logs_that_are_opened_while_the_process_forks() -> None:
    """Each open log is prepared for the fork, though other threads open more meanwhile."""
    ended = end(OPENING)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    "steps",
    [
        "set_up(); write([0]); asyncio.run(set_and_remove())",
        "in_thread(set_up); in_thread(write, [0])",
    ],
)
def test_a_handler_that_cannot_be_set_is_reported_once(tmp_path: Path, steps: str) -> None:
    """Python lets only the main thread set handlers: a writer that runs already warns once."""
    script = f"""{SIGTERM}
    {steps}
    for number in range(3):
        write([number])
        assert log.flush()
    """
    ended = end(script, tmp_path / "log.jsonl")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("SIGTERM has its default handler") == 1
    assert len(read(tmp_path / "log.jsonl")) == 4


@pytest.mark.parametrize("opened", ["module", "target"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_exception_that_ends_a_child(tmp_path: Path, method: str, opened: str) -> None:
    """The uncaught exception of a child of `multiprocessing` is one event, `sys.exit` is none."""
    script = tmp_path / "children.py"
    script.write_text(
        textwrap.dedent(f"""
        import multiprocessing, sys
        from pathlib import Path
        from mlmon.logging_config import Service, configure
        def set_up():
            configure(Service("child", "1", "production"), Path({str(tmp_path / "log.jsonl")!r}))
        {"set_up()" if opened == "module" else ""}
        def fail():
            {"set_up()" if opened == "target" else ""}
            raise ValueError("no rows")
        def leave():
            {"set_up()" if opened == "target" else ""}
            sys.exit(3)
        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            for target in (fail, leave):
                process = context.Process(target=target, name="worker")
                process.start()
                process.join()
                print(process.exitcode)
        """)
    )
    command = [sys.executable, str(script)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert ended.stdout.split() == ["1", "3"]
    (event,) = read(tmp_path / "log.jsonl")
    assert event["message"] == "Uncaught exception in process worker"
    assert event["log.level"] == "critical"
    assert event["error.type"] == "ValueError"
    assert event["error.message"] == "no rows"
    assert "in fail" in event["error.stack_trace"]


PICKLED = """
    import copy, pickle, sys, structlog
    from pathlib import Path
    from mlmon.logging_config import Service, configure
    log = configure(Service("pickled", "1", "production"), Path(sys.argv[1]), level="info")
    bound = structlog.get_logger("name").bind(a=1)
    for number, logger in enumerate([
        bound, pickle.loads(pickle.dumps(bound)), copy.copy(bound), copy.deepcopy(bound),
        pickle.loads(pickle.dumps(structlog.get_logger("name"))).bind(a=1),
    ]):
        logger.bind(number=number).info("m")
        logger.debug("below the level")
    log.close()
    sys.stdout.buffer.write(pickle.dumps(bound))
"""
UNPICKLED = """
    import pickle, sys
    logger = pickle.loads(Path(sys.argv[1]).read_bytes())
    logger.info("m", number=5)
"""


def test_a_bound_logger_can_be_pickled(tmp_path: Path) -> None:
    """Its name, level and values are kept, also by a copy; elsewhere it raises nothing."""
    path, pickled = tmp_path / "log.jsonl", tmp_path / "pickled"
    command = [sys.executable, "-c", textwrap.dedent(PICKLED), str(path)]
    made = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=True)
    events = read(path)
    assert [event["labels"] for event in events] == [{"a": 1, "number": n} for n in range(5)]
    assert {event["log.logger"] for event in events} == {"name"}
    pickled.write_bytes(made.stdout)
    ended = end(f"from pathlib import Path\n{textwrap.dedent(UNPICKLED)}", pickled)
    assert ended.returncode == 0, ended.stderr
    assert "no log is configured" in ended.stderr


@pytest.mark.parametrize("handlers", [["rotating"], ["rotating", "file"], ["file", "other"]])
def test_a_record_is_one_event_however_often_it_is_formatted(
    tmp_path: Path, handlers: list[str]
) -> None:
    """A rotating handler, which formats twice, and handlers that share a formatter give one id."""
    rotating = "logging.handlers.RotatingFileHandler"
    classes = {"rotating": rotating, "file": "logging.FileHandler", "other": "logging.FileHandler"}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": {"()": "mlmon.logging_config.EventFormatter", "service": "old"}},
            "handlers": {
                name: {
                    "class": classes[name],
                    "filename": str(tmp_path / name),
                    "formatter": "json",
                    **({"maxBytes": 10**6} if name == "rotating" else {}),
                }
                for name in handlers
            },
            "loggers": {"doubled": {"handlers": handlers, "level": "INFO", "propagate": False}},
        }
    )
    logger = logging.getLogger("doubled")
    for number in range(5):
        logger.info("m", extra={"number": number})
    written = {name: read(tmp_path / name) for name in handlers}
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    for events in written.values():
        assert [event["event.sequence"] for event in events] == [1, 2, 3, 4, 5]
        assert [event["labels"] for event in events] == [{"number": n} for n in range(5)]
    assert len({event["event.id"] for events in written.values() for event in events}) == 5
    assert len({event["trace.id"] for events in written.values() for event in events}) == 5


def test_what_a_filter_changes_between_two_handlers_is_written() -> None:
    """Only the number is kept with a record: a message that was redacted since is not undone."""
    formatter = EventFormatter(service="s")
    record = logging.LogRecord("n", 20, "p", 1, "first", (), None)
    first = json.loads(formatter.format(record))
    record.msg = "second"
    second = json.loads(formatter.format(record))
    assert (first["message"], second["message"]) == ("first", "second")
    assert first["event.id"] == second["event.id"]
    # As by a SocketHandler.
    received = pickle.loads(pickle.dumps(copy.copy(record)))  # noqa: S301 -- our own record
    other = json.loads(EventFormatter(service="s").format(received))
    assert other["event.sequence"] == 1
    assert other["process.entity_id"] != first["process.entity_id"]


LOOP = """
    import logging, sys
    from mlmon.logging_config import Service, configure, open_log
    real, lines = sys.stdout, []
    class Proxy:
        def write(self, text):
            lines.append(text)
            {logs}
        def flush(self): pass
    sys.stdout = Proxy()
    log = {log}(Service("loop", "1", "production"))
    for number in range(5):
        log.app("info", "m", {{"number": number}})
    log.flush()
    log.close()
    sys.stdout = real
    print("".join(lines), end="")
"""


@pytest.mark.parametrize(
    ("log", "logs"),
    [
        ("configure", 'logging.getLogger("stdout").info(text)'),
        ("configure", 'log.app("info", text, {})'),
        ("open_log", 'log.app("info", text, {})'),
    ],
)
def test_standard_output_that_logs_does_not_feed_itself(log: str, logs: str) -> None:
    """An event logged by the write of another is dropped before it is numbered, and reported."""
    ended = end(LOOP.format(log=log, logs=logs))
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [event["labels"]["number"] for event in events] == list(range(5))
    assert [event["event.sequence"] for event in events] == [1, 2, 3, 4, 5]
    assert ended.stderr.count("is dropped") == 1
