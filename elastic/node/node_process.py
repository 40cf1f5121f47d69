"""The embedded node's process: start as an unprivileged user, wait for an answer, stop."""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from mlmon.elastic.client.client import addresses
from mlmon.elastic.client.official import ApiError, Elasticsearch, TransportError
from mlmon.elastic.errors import UserError
from mlmon.elastic.node.files import NodeFiles
from mlmon.elastic.node.runtime import UNPRIVILEGED, Runtime
from mlmon.elastic.system.folders import reachable_by_all

_POLL_SECONDS = 0.1
_LINES = 8
# Lines that do not name a failure: lower levels, warnings of Java, stack frames, bare headings.
_INFORMATION = re.compile(r"\[(INFO|WARN|DEBUG|TRACE) *\]|^WARNING: |^\s*at |^\s*\.\.\. |^\w+:$")


def spawn(files: NodeFiles, runtime: Runtime) -> int:
    """Start Elasticsearch in a session of its own and return its pid.

    Raises:
        UserError: The user it would run as cannot reach its files.
    """
    account = runtime.account
    if account is not None:
        _check_reachable(runtime.distribution, files.config, runtime.java)
    with files.console.open("wb") as console:
        process = subprocess.Popen(  # noqa: S603 - the program is the verified distribution's
            [runtime.distribution / "bin" / "elasticsearch"],
            cwd=files.folder,
            env=runtime.environment(files),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.user if account else None,
            group=account.group if account else None,
            extra_groups=[] if account else None,
        )
    # The node outlives this object, which would warn about that; it is awaited by its pid.
    process.returncode = 0
    return process.pid


def _check_reachable(*paths: Path) -> None:
    for path in paths:
        if not reachable_by_all(path):
            raise UserError(
                f"Elasticsearch runs as user {UNPRIVILEGED!r}, who cannot read {path}",
                "Set MLMON_HOME (and MLMON_CACHE) to folders that every user may enter.",
            )


def await_answer(
    files: NodeFiles,
    process: psutil.Process,
    connect: Callable[[int], Elasticsearch],
    seconds: float,
) -> str:
    """Wait until the node answers and return its URL.

    Args:
        files: The node's files.
        process: Its process.
        connect: Gives a client of it by its port.
        seconds: How long to wait.

    Raises:
        UserError: It ended, or the time is up; with the last lines of its log that name a failure.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            raise _failed("Elasticsearch ended while it started", files)
        port = files.bound_port()
        if port is not None:
            with connect(port) as client:
                if _answers(client):
                    return addresses(client)
        time.sleep(_POLL_SECONDS)
    raise _failed(f"Elasticsearch did not answer within {seconds:.0f} s", files)


def _answers(client: Elasticsearch) -> bool:
    try:
        # Not for a status: data that is lost would keep the node from ever being found ready.
        client.options(max_retries=0, request_timeout=5.0).cluster.health(
            wait_for_events="languid", wait_for_no_initializing_shards=True
        )
    except (ApiError, TransportError):
        return False
    return True


def _failed(what: str, files: NodeFiles) -> UserError:
    text = files.console.read_text(encoding="utf-8", errors="replace")
    lines = "".join(f"\n  {line}" for line in failure_lines(text))
    return UserError(f"{what}; its log ends with:{lines}", f"The full log is {files.console}.")


def failure_lines(log: str, most: int = _LINES) -> list[str]:
    """Return the last lines of a log that name a failure, else its last lines."""
    lines = [line.rstrip()[:300] for line in log.splitlines() if line.strip()]
    failures = [line for line in lines if not _INFORMATION.search(line)]
    return list(dict.fromkeys(failures or lines))[-most:]


def terminate(process: psutil.Process, seconds: float) -> None:
    """Ask the node to end (SIGTERM) and wait until it and its children have.

    Raises:
        UserError: It belongs to another user, or has not ended in time.
    """
    family = [process, *process.children(recursive=True)]
    try:
        process.send_signal(signal.SIGTERM)
    except psutil.AccessDenied as error:
        raise UserError(
            f"The node (pid {process.pid}) belongs to another user",
            "Stop it as the user who started it.",
        ) from error
    except psutil.NoSuchProcess:
        pass
    _, alive = psutil.wait_procs(family, timeout=seconds)
    if alive:
        pids = ", ".join(str(one.pid) for one in alive)
        raise UserError(
            f"The node has not ended within {seconds:.0f} s (pid {pids})",
            "Wait and try again; end it by force with `kill -9` only as a last resort.",
        )
