"""One run of the shipper, put together from its parts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Event

from elastic import templates
from elastic.cluster import Cluster
from elastic.errors import AccessRefusedError
from elastic.folders import home_folder
from elastic.settings import Settings
from ingest import dead_letter_replay, paths
from ingest.account import Account
from ingest.checkpoint import Checkpoint
from ingest.dead_letters import DeadLetterFile, DeadLetters
from ingest.delivery import Delivery
from ingest.health import Health
from ingest.health_reports import HealthReports
from ingest.line import Encoder
from ingest.pipeline import Flow, Pipeline
from ingest.source import Limits
from ingest.state import State
from ingest.tailer import Tailer
from ingest.watch import Watch
from logging_config.fields import DATASETS, SCHEMA_VERSION

Listener = Callable[[Health], None]


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


@contextmanager
def prepared(
    cluster: Cluster, order: Order, stopping: Event, listener: Listener = lambda _: None
) -> Iterator[Pipeline]:
    """Put a run together, and hold the state's lock for it.

    Args:
        cluster: Where the lines go.
        order: What is to be shipped.
        stopping: Set when the run is to end.
        listener: Told about every second how the run is.

    Raises:
        UserError: The paths, the folder or the cluster cannot be used.
    """
    paths.check(order.paths, following=order.following)
    with order.state.lock():
        _install_templates(cluster)
        checkpoint = Checkpoint(order.state.checkpoint(_key(cluster)))
        delivery = _delivery(cluster, order, stopping)
        dead_letters = _dead_letters(order, delivery)
        reports = HealthReports(order.state.status, order.namespace, cluster.bulk)

        def tell(health: Health) -> None:
            reports.tell(health)
            listener(health)

        yield Pipeline(
            _tailer(order, checkpoint),
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


def _tailer(order: Order, checkpoint: Checkpoint) -> Tailer:
    saved = checkpoint.load()
    return Tailer(
        paths.patterns(order.paths),
        () if order.from_start else saved.records,
        limits=order.limits,
        following=order.following,
        distrust=order.from_start or not saved.trusted,
    )


def _delivery(cluster: Cluster, order: Order, stopping: Event) -> Delivery:
    return Delivery(cluster, f"logs-ml.*-{order.namespace}", stopping)


def _dead_letters(order: Order, delivery: Delivery) -> DeadLetters:
    file = DeadLetterFile(order.state.dead_letters)
    return DeadLetters(file, delivery, order.namespace, order.state.shipper_id())


def _encoder(order: Order, shipper_id: str) -> Encoder:
    return Encoder(order.namespace, DATASETS, SCHEMA_VERSION, shipper_id)


def _install_templates(cluster: Cluster) -> None:
    """Bring the index templates that are missing; `mlmon setup` renews those that have changed.

    Without its template, a data stream would become an index without a mapping.
    """
    # A shipper that may only write finds them there, or its lines are refused with a reason.
    with suppress(AccessRefusedError):
        for template in templates.templates():
            if cluster.get_index_template(template.name) is None:
                cluster.put_index_template(template.name, template.body)


def _key(cluster: Cluster) -> str:
    """Return what tells this cluster's checkpoint from another's."""
    try:
        return cluster.uuid()
    except AccessRefusedError:
        return sha256(cluster.url.encode()).hexdigest()[:22]
