"""A node of the scoreboard's own, under default settings: nobody is notified of its incidents."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mlmon.elastic.connect import connect
from mlmon.elastic.indices import templates
from mlmon.elastic.node.temporary_node import temporary_node
from mlmon.elastic.settings import load_settings
from mlmon.elastic.settings_file import settings_from
from mlmon.elastic.system.folders import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.elastic.client.cluster import Cluster

PORT, HEAP = 9260, "1g"


@contextmanager
def own_cluster() -> Iterator[Cluster]:
    """Run a node of its own with mlmon's templates, and delete it afterwards."""
    cache = cache_folder(load_settings())
    with TemporaryDirectory(prefix="mlmon-scoreboard-") as folder:
        config = Path(folder) / "mlmon.toml"
        config.touch()  # default settings: those of the user are left out
        with (
            settings_from(config),
            temporary_node(PORT, HEAP, cache) as settings,
            connect(settings) as cluster,
        ):
            for _ in templates.install(cluster):
                pass
            yield cluster
