"""The official client is imported without what mlmon has no use for."""

import subprocess
import sys

PROGRAM = """
import sys
import mlmon.elastic.connect
print(sorted({"numpy", "pandas", "pyarrow"} & set(sys.modules)))
import pyarrow
print(pyarrow.array([1]).to_pylist())
"""


def test_opening_the_cluster_imports_no_arrays() -> None:
    """A command that opens the cluster has neither pyarrow nor numpy; a later import gives both."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120
    )
    assert ended.stdout.splitlines() == ["[]", "[1]"]
