"""A node of the scoreboard's own, under default settings: nobody is notified of its incidents."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mlmon.elastic.connect import connect
from mlmon.elastic.indices import templates
from mlmon.elastic.node.temporary_node import temporary_node
from mlmon.elastic.settings import load_settings
from mlmon.elastic.settings_file import CONFIG, VARIABLE_PREFIX
from mlmon.elastic.system.folders import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.elastic.client.cluster import Cluster

PORT, HEAP = 9260, "1g"


@contextmanager
def default_settings(config: Path) -> Iterator[None]:
    """Take no setting from the environment or from `mlmon.toml` while the block runs.

    Args:
        config: An empty file that stands for `mlmon.toml`.
    """
    kept = {name: value for name, value in os.environ.items() if name.startswith(VARIABLE_PREFIX)}
    for name in kept:
        del os.environ[name]
    os.environ[CONFIG] = str(config)
    try:
        yield
    finally:
        del os.environ[CONFIG]
        os.environ.update(kept)


@contextmanager
def own_cluster() -> Iterator[Cluster]:
    """Run a node of its own with mlmon's templates, and delete it afterwards."""
    cache = cache_folder(load_settings())
    with TemporaryDirectory(prefix="mlmon-scoreboard-") as folder:
        config = Path(folder) / "mlmon.toml"
        config.touch()
        with (
            default_settings(config),
            temporary_node(PORT, HEAP, cache) as settings,
            connect(settings) as cluster,
        ):
            for _ in templates.install(cluster):
                pass
            yield cluster
