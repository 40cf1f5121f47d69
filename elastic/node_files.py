"""The files of one embedded node, below its home, and the state by which others find it.

node.json         who runs, where it answers
node.lock         held while a node is started or stopped
node/config       elasticsearch.yml, jvm.options.d/…
node/data, logs, tmp
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from elastic.folders import make_folder
from elastic.lock import hold
from elastic.process import ProcessIdentity

LAST_PORT_OFFSET = 100


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node that was started.

    Args:
        process: The process to end when it is stopped.
        version: Version of Elasticsearch.
        url: Where it answers; None while it starts.
    """

    process: ProcessIdentity
    version: str
    url: str | None = None


class NodeFiles:
    """The files below one home.

    Args:
        home: The folder; created by `prepare`.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "node"
        self.config = self.folder / "config"
        self.data = self.folder / "data"
        self.logs = self.folder / "logs"
        self.temporary = self.folder / "tmp"
        self.console = self.logs / "console.log"
        self.ports = self.logs / "http.ports"
        self._state = home / "node.json"

    def prepare(self, distribution: Path, heap: str, port: int, owner: int | None) -> None:
        """Create the folders and write the configuration anew; data stays.

        Args:
            distribution: Unpacked Elasticsearch, whose default configuration is the base.
            heap: Heap as Java writes it.
            port: First port to try.
            owner: User id of the node's user, None where it is this process's.
        """
        make_folder(self.home)
        shutil.rmtree(self.config, ignore_errors=True)
        shutil.rmtree(self.temporary, ignore_errors=True)
        for folder in (self.folder, self.config, self.data, self.logs, self.temporary):
            make_folder(folder, owner)
        shutil.copytree(distribution / "config", self.config, dirs_exist_ok=True)
        (self.config / "elasticsearch.yml").write_text(self._elasticsearch_yml(port))
        (self.config / "jvm.options.d" / "mlmon.options").write_text(_jvm_options(heap))
        self.ports.unlink(missing_ok=True)
        if owner is not None:
            _give(self.config, owner)

    def _elasticsearch_yml(self, port: int) -> str:
        # JSON is YAML, and quotes paths safely.
        settings = {
            "cluster.name": "mlmon",
            "node.name": "mlmon",
            "discovery.type": "single-node",
            "path.data": str(self.data),
            "path.logs": str(self.logs),
            "http.host": "127.0.0.1",
            "transport.host": "127.0.0.1",
            "http.port": f"{port}-{port + LAST_PORT_OFFSET}",
            # The port that was free is written to logs/http.ports.
            "node.portsfile": True,
            "xpack.security.enabled": False,
            # One machine's own disk: its owner decides when it is too full.
            "cluster.routing.allocation.disk.threshold_enabled": False,
            "cluster.max_shards_per_node": 4000,
        }
        return "".join(
            f"{key}: {orjson.dumps(value).decode()}\n" for key, value in settings.items()
        )

    def bound_port(self) -> int | None:
        """Return the port the node answers on, None before it does."""
        try:
            lines = self.ports.read_text().split()
        except FileNotFoundError:
            return None
        return int(lines[0].rpartition(":")[2]) if lines else None

    def read_state(self) -> NodeState | None:
        """Return the last state written, None where there is none or it is damaged."""
        try:
            values = orjson.loads(self._state.read_bytes())
            process = ProcessIdentity(**values.pop("process"))
            return NodeState(process=process, **values)
        except (FileNotFoundError, orjson.JSONDecodeError, TypeError, AttributeError, KeyError):
            return None

    def write_state(self, state: NodeState) -> None:
        """Replace the state, atomically."""
        temporary = self._state.with_suffix(".tmp")
        temporary.write_bytes(orjson.dumps(asdict(state), option=orjson.OPT_INDENT_2))
        temporary.replace(self._state)

    def remove_state(self) -> None:
        """Forget the node."""
        self._state.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the home for one start or stop."""
        make_folder(self.home)
        with hold(self.home / "node.lock"):
            yield


def _jvm_options(heap: str) -> str:
    lines = [
        f"-Xms{heap}",
        f"-Xmx{heap}",
        # Garbage collection logs would take up to 2 GB.
        "-Xlog:disable",
        "-Xlog:all=warning:stderr:utctime,level,tags",
        "-XX:-HeapDumpOnOutOfMemoryError",
    ]
    return "\n".join(lines) + "\n"


def _give(folder: Path, owner: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, -1)
