"""One run of the shipper, put together from its parts."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Event

from elastic import templates
from elastic.cluster import Cluster
from elastic.errors import AccessRefusedError
from elastic.folders import home_folder
from elastic.settings import Settings
from ingest import paths as given
from ingest.checkpoint import Checkpoint
from ingest.dead_letters import DeadLetterFile
from ingest.delivery import Delivery
from ingest.line import Encoder
from ingest.pipeline import Flow, Keeping, Pipeline, Wake
from ingest.source import Limits
from ingest.state import State
from ingest.tailer import Tailer
from logging_config.fields import DATASETS, SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be shipped, and how.

    Attributes:
        paths: Files, folders, patterns, or `-`.
        namespace: Third part of the data streams' names.
        state: The shipper's folder.
        following: Whether to wait for more at the files' ends.
        from_start: Whether to read every file again, looking each line up first.
        limits: How long a line may be.
        flow: How much is under way at once.
    """

    paths: Sequence[str]
    namespace: str
    state: State
    following: bool = False
    from_start: bool = False
    limits: Limits = field(default_factory=Limits)
    flow: Flow = field(default_factory=Flow)


def state_of(settings: Settings, folder: Path | None) -> State:
    """Return the folder named, else the one of this namespace below mlmon's home."""
    return State(folder or home_folder(settings) / "ship" / settings.namespace)


def prepare(
    cluster: Cluster,
    order: Order,
    stopping: Event,
    wake: Wake,
    report: Callable[[str], None] = lambda _: None,
) -> Pipeline:
    """Put a run together; the state's lock is held.

    Raises:
        UserError: The paths or the cluster cannot be used.
    """
    given.check(order.paths, following=order.following)
    _install_templates(cluster)
    checkpoint = Checkpoint(order.state.checkpoint(_key(cluster)))
    saved = checkpoint.load()
    shipper_id = order.state.shipper_id()
    tailer = Tailer(
        given.patterns(order.paths),
        () if order.from_start else saved.records,
        limits=order.limits,
        following=order.following,
        distrust=order.from_start or not saved.trusted,
    )
    return Pipeline(
        tailer,
        Encoder(order.namespace, DATASETS, SCHEMA_VERSION, shipper_id),
        Delivery(cluster, f"logs-ml.*-{order.namespace}", stopping, report=report),
        Keeping(DeadLetterFile(order.state.dead_letters), order.namespace, shipper_id),
        checkpoint,
        stopping,
        wake,
        order.flow,
    )


def _install_templates(cluster: Cluster) -> None:
    """Bring the index templates: without them a stream would become an index without mapping."""
    # A shipper that may only write finds them there, or its lines are refused with a reason.
    with suppress(AccessRefusedError):
        for _ in templates.install(cluster):
            pass


def _key(cluster: Cluster) -> str:
    """Return what tells this cluster's checkpoint from another's."""
    try:
        return cluster.uuid()
    except AccessRefusedError:
        return sha256(cluster.url.encode()).hexdigest()[:22]
