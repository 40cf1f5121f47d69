"""The files of one embedded node below its home, and the state file by which commands find it.

node.json         process and URL of the running node
node.lock         held while a node is started or stopped
node/config       elasticsearch.yml, jvm.options.d/…
node/data, logs, tmp
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from mlmon.elastic.node.process import ProcessIdentity
from mlmon.elastic.system.folders import make_folder
from mlmon.elastic.system.lock import hold


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node that was started.

    Args:
        process: The process to end when it is stopped.
        version: Version of Elasticsearch.
        secure: Whether it speaks TLS and asks for users.
        url: Where it answers; None while it starts.
    """

    process: ProcessIdentity
    version: str
    secure: bool = False
    url: str | None = None


class NodeFiles:
    """The files below one home.

    Args:
        home: The folder; created when a node is started.
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
        """Remove the state file."""
        self._state.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the home for one start or stop."""
        make_folder(self.home)
        with hold(self.home / "node.lock"):
            yield
