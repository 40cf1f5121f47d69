"""A process is found again only as long as it is that process."""

import os
import subprocess
from dataclasses import replace

from mlmon.elastic.node.process import ProcessIdentity


def test_a_running_process_is_found() -> None:
    """The identity of this process finds this process."""
    found = ProcessIdentity.of(os.getpid()).find()
    assert found is not None
    assert found.pid == os.getpid()


def test_a_pid_that_was_given_to_another_process_is_not_it() -> None:
    """The same pid with another start time is another process."""
    identity = ProcessIdentity.of(os.getpid())
    assert replace(identity, started=identity.started - 60).find() is None


def test_an_ended_process_is_not_found() -> None:
    """Neither a process that was awaited nor a zombie that was not is running."""
    with subprocess.Popen(["sleep", "60"]) as process:
        identity = ProcessIdentity.of(process.pid)
        assert identity.find() is not None
        process.kill()
        # Not reaped yet: wait until it is a zombie, without reaping it.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert identity.find() is None
    assert identity.find() is None
