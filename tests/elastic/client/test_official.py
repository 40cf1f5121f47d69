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


IN_A_COMMAND = """
import sys
import mlmon.cli
import mlmon.elastic.connect
left_out = {"aiohttp", "httpx", "opentelemetry", "requests", "elasticsearch._async.client"}
print(sorted(left_out & set(sys.modules)))
import elasticsearch._async.client
import httpx
print(elasticsearch._async.client.AsyncElasticsearch.__name__, httpx.Client.__name__)
"""

IN_ANOTHER_PROGRAM = """
import mlmon.elastic.connect
import elastic_transport
import elasticsearch
print(elasticsearch.AsyncElasticsearch.__name__)
elastic_transport.HttpxHttpNode(elastic_transport.NodeConfig("http", "localhost", 9200))
"""


def _output(program: str) -> list[str]:
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return ended.stdout.decode().splitlines()


def test_a_command_leaves_out_other_http_libraries_and_the_asynchronous_client() -> None:
    """None of them is imported with the client; a later import gives the real ones."""
    assert _output(IN_A_COMMAND) == ["[]", "AsyncElasticsearch Client"]


def test_another_program_has_the_whole_client() -> None:
    """A program that imports mlmon's packages can use the client's other transports itself."""
    assert _output(IN_ANOTHER_PROGRAM) == ["AsyncElasticsearch"]
