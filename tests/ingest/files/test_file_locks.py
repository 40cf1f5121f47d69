"""Two processes never read one file for the same streams; a killed one leaves no lock behind."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from mlmon.ingest.files.file_locks import FileLocks

HOLDER = """
import sys
from pathlib import Path
from mlmon.ingest.files.file_locks import FileLocks
locks = FileLocks(Path(sys.argv[1]))
print(locks.take((1, 2)), flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """Start a process that holds file (1, 2), and wait until it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "True\n"
    return process


def test_a_file_is_read_by_one_process_until_that_one_dies(tmp_path: Path) -> None:
    """A file that another process holds cannot be taken, any other can; a kill gives it free."""
    path = tmp_path / "lock"
    with closing(FileLocks(path)) as locks:
        with holder(path) as other:
            assert not locks.take((1, 2))
            assert locks.take((1, 3))
            other.kill()
        assert locks.take((1, 2))


def test_a_file_that_was_given_free_can_be_taken_by_others(tmp_path: Path) -> None:
    """What a process has closed is anybody's."""
    path = tmp_path / "lock"
    with closing(FileLocks(path)) as locks:
        assert locks.take((1, 2))
        locks.give((1, 2))
        with holder(path) as other:
            other.kill()
