"""One run of the shipper, put together from its parts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Event

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import AccessRefusedError
from mlmon.elastic.indices import templates
from mlmon.elastic.settings import Settings
from mlmon.elastic.system.folders import home_folder, make_folder
from mlmon.ingest.deliver import dead_letter_replay
from mlmon.ingest.deliver.dead_letters import DeadLetterFile, DeadLetters
from mlmon.ingest.deliver.delivery import Delivery
from mlmon.ingest.deliver.outage import patiently
from mlmon.ingest.deliver.rollovers import Rollovers
from mlmon.ingest.encode.line import Encoder
from mlmon.ingest.files import paths
from mlmon.ingest.files.file_locks import FileLocks
from mlmon.ingest.files.source import Limits
from mlmon.ingest.files.tailer import Tailer
from mlmon.ingest.files.watch import Watch
from mlmon.ingest.pipeline import Flow, Pipeline
from mlmon.ingest.state.account import Account
from mlmon.ingest.state.checkpoint import Checkpoint
from mlmon.ingest.state.health import Health
from mlmon.ingest.state.health_reports import HealthReports
from mlmon.ingest.state.state_folder import State
from mlmon.logging_config.schema.fields import DATASETS, SCHEMA_VERSION

Listener = Callable[[Health], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be shipped, and how.

    Attributes:
        paths: Files, folders, patterns, or `-`.
        namespace: Third part of the data streams' names.
        state: The shipper's folder.
        locks: Folder of the locks that all shippers of this machine's user share.
        following: Whether to wait for more at the files' ends.
        from_start: Whether to read every file again, looking each line up first.
        limits: How long a line may be.
        flow: How much is under way at once.
    """

    paths: Sequence[str]
    namespace: str
    state: State
    locks: Path
    following: bool = False
    from_start: bool = False
    limits: Limits = field(default_factory=Limits)
    flow: Flow = field(default_factory=Flow)


def locks_of(settings: Settings) -> Path:
    """Return the folder of the locks that shippers share, below mlmon's home."""
    return home_folder(settings) / "ship"


def state_of(settings: Settings, folder: Path | None) -> State:
    """Return the folder named, else the one of this namespace below mlmon's home."""
    return State(folder or home_folder(settings) / "ship" / settings.namespace)


@contextmanager
def prepared(
    cluster: Cluster,
    order: Order,
    stopping: Event,
    listener: Listener = lambda _: None,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[Pipeline]:
    """Put a run together, and hold the state's lock for it.

    Args:
        cluster: Where the lines go.
        order: What is to be shipped.
        stopping: Set when the run is to end.
        listener: Told about every second how the run is.
        report: Told what is waited for before it begins.

    Raises:
        UserError: The paths, the folder or the cluster cannot be used.
        StoppedError: It is to stop before the cluster was there.
    """
    paths.check(order.paths, following=order.following)
    with order.state.lock():
        if order.following:
            key = patiently(lambda: _settle_in(cluster), stopping, report)
        else:
            key = _settle_in(cluster)
        checkpoint = Checkpoint(order.state.checkpoint(key, order.namespace))
        delivery = _delivery(cluster, order, stopping)
        dead_letters = _dead_letters(order, delivery)
        reports = HealthReports(order.state.status, order.namespace, cluster.bulk)

        def tell(health: Health) -> None:
            reports.tell(health)
            listener(health)

        yield Pipeline(
            _tailer(cluster, order, checkpoint, key),
            _encoder(order, dead_letters.shipper_id),
            delivery,
            dead_letters,
            checkpoint,
            stopping,
            wake=Watch(paths.patterns(order.paths), stopping).wait,
            tell=tell,
            flow=order.flow,
        )


def replay_dead_letters(cluster: Cluster, order: Order, stopping: Event) -> Account:
    """Send the dead letters again; a shipper that runs may go on.

    Raises:
        UserError: Another replay runs, or the cluster cannot be used.
    """
    with order.state.lock("replay"):
        _install_templates(cluster)
        delivery = _delivery(cluster, order, stopping)
        dead_letters = _dead_letters(order, delivery)
        encoder = _encoder(order, dead_letters.shipper_id)
        return dead_letter_replay.replay(dead_letters, encoder, delivery, order.limits)


def _tailer(cluster: Cluster, order: Order, checkpoint: Checkpoint, key: str) -> Tailer:
    saved = checkpoint.load()
    distrust = order.from_start or not saved.trusted
    locks = make_folder(order.locks)
    return Tailer(
        paths.patterns(order.paths),
        () if order.from_start else saved.records,
        limits=order.limits,
        following=order.following,
        doubtful=(lambda: True) if distrust else Rollovers(cluster, _streams(order)),
        locks=FileLocks(locks / f"files-{key}-{order.namespace}.lock"),
    )


def _delivery(cluster: Cluster, order: Order, stopping: Event) -> Delivery:
    return Delivery(cluster, _streams(order), stopping)


def _streams(order: Order) -> str:
    return f"logs-ml.*-{order.namespace}"


def _dead_letters(order: Order, delivery: Delivery) -> DeadLetters:
    file = DeadLetterFile(order.state.dead_letters)
    return DeadLetters(file, delivery, order.namespace, order.state.shipper_id())


def _encoder(order: Order, shipper_id: str) -> Encoder:
    return Encoder(order.namespace, DATASETS, SCHEMA_VERSION, shipper_id)


def _settle_in(cluster: Cluster) -> str:
    """Bring the templates; return what tells this cluster's checkpoint from another's."""
    _install_templates(cluster)
    try:
        return cluster.uuid()
    except AccessRefusedError:
        return sha256(cluster.url.encode()).hexdigest()[:22]


def _install_templates(cluster: Cluster) -> None:
    """Bring the index templates that are missing; `mlmon setup` renews those that have changed.

    Without its template, a data stream would become an index without a mapping.
    """
    # A shipper that may only write finds them there, or its lines are refused with a reason.
    with suppress(AccessRefusedError):
        for template in templates.fitting(cluster):
            if cluster.get_index_template(template.name) is None:
                cluster.put_index_template(template.name, template.body)
