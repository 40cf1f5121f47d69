"""One run of the shipper, assembled from its parts."""

import resource
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Event

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.errors import AccessRefusedError, ClusterError
from mlmon.elastic.indices import templates
from mlmon.elastic.indices.names import all_logs, data_stream
from mlmon.elastic.settings import Settings
from mlmon.elastic.system.folders import home_folder, make_folder
from mlmon.ingest.deliver import dead_letters as rejected_lines
from mlmon.ingest.deliver.dead_letters import DeadLetterFile, DeadLetters
from mlmon.ingest.deliver.delivery import Delivery
from mlmon.ingest.deliver.retry_policy import RetryPolicy
from mlmon.ingest.encode.field_names import FieldNames
from mlmon.ingest.encode.line import LineEncoder
from mlmon.ingest.files import paths
from mlmon.ingest.files.file_locks import FileLocks
from mlmon.ingest.files.source import ReadLimits
from mlmon.ingest.files.tailer import Tailer
from mlmon.ingest.files.watch import Watch
from mlmon.ingest.pipeline import Flow, Pipeline
from mlmon.ingest.state.checkpoint import Checkpoint
from mlmon.ingest.state.counts import RunCounts
from mlmon.ingest.state.health import Health, HealthReports
from mlmon.ingest.state.state_folder import StateFolder
from mlmon.logging_config.schema.fields import DATASETS, SCHEMA_VERSION

Listener = Callable[[Health], None]
MakeEncoder = Callable[
    [str, Collection[str], int, str, datetime, Mapping[str, FieldNames]], LineEncoder
]
"""`LineEncoder`, or what takes the same arguments."""

_OTHER_DESCRIPTORS = 40
"""Descriptors for connections, locks, checkpoint, notifications and standard streams."""


@dataclass(frozen=True, slots=True)
class ShipRequest:
    """What to ship, and how.

    Attributes:
        paths: Files, folders, patterns, or `-`.
        namespace: Third part of the data streams' names.
        state: The shipper's folder.
        locks: Folder of the locks that all shippers of this machine's user share.
        following: Whether to wait for more at the files' ends.
        from_start: Whether to read every file again.
        limits: How long a line may be.
        flow: How much is in flight at once.
    """

    paths: Sequence[str]
    namespace: str
    state: StateFolder
    locks: Path
    following: bool = False
    from_start: bool = False
    limits: ReadLimits = field(default_factory=ReadLimits)
    flow: Flow = field(default_factory=Flow)

    @property
    def own_folders(self) -> tuple[Path, ...]:
        """The folders to which this shipper writes."""
        return self.state.folder, self.locks

    @property
    def streams(self) -> str:
        """Pattern of the data streams."""
        return all_logs(self.namespace)


def locks_folder(settings: Settings) -> Path:
    """Return the folder of the locks that shippers share, below mlmon's home."""
    return home_folder(settings) / "ship"


def state_folder(settings: Settings, folder: Path | None) -> StateFolder:
    """Return the folder named, else the one of this namespace below mlmon's home."""
    return StateFolder(folder or home_folder(settings) / "ship" / settings.namespace)


@contextmanager
def open_pipeline(
    cluster: Cluster,
    request: ShipRequest,
    shutdown: Event,
    listener: Listener = lambda _: None,
    report_wait: Callable[[str], None] = lambda _: None,
    encoder: MakeEncoder | None = None,
) -> Iterator[Pipeline]:
    """Assemble a run, and hold the lock of its state folder.

    Args:
        cluster: Where the lines go.
        request: What to ship.
        shutdown: Ends the run when set.
        listener: Called about every second with the health of the run.
        report_wait: Called with the reason for a wait before the run begins.
        encoder: Makes the encoder of lines, such as one on a simulated clock.

    Raises:
        UserError: The paths, the folder or the cluster cannot be used.
        StoppedError: Shutdown was requested before the cluster could be reached.
    """
    problems = paths.check(request.paths, following=request.following, own=request.own_folders)
    with request.state.lock():
        if request.following:
            retry = RetryPolicy(shutdown)
            key = retry.until_reachable(lambda: _prepare_cluster(cluster), report_wait)
        else:
            key = _prepare_cluster(cluster)
        checkpoint = Checkpoint(request.state.checkpoint(key, request.namespace))
        delivery = Delivery(cluster, request.streams, shutdown)
        dead_letters = _dead_letters(request, delivery)
        reports = HealthReports(request.state.status, request.namespace, cluster.bulk)

        def report(health: Health) -> None:
            reports.report(health)
            listener(health)

        tailer = _tailer(request, checkpoint, key)
        tailer.problems.update(problems)
        watch = Watch(paths.patterns(request.paths), shutdown, tailer.report_changes)
        tailer.is_notified = watch.notifies
        yield Pipeline(
            tailer,
            _encoder(cluster, request, dead_letters.shipper_id, encoder or LineEncoder),
            delivery,
            dead_letters,
            checkpoint,
            shutdown,
            wake=watch.wait,
            report=report,
            flow=request.flow,
        )


def retry_rejected(cluster: Cluster, request: ShipRequest, shutdown: Event) -> RunCounts:
    """Send the dead letters again; a shipper that runs may go on.

    Raises:
        UserError: Another retry runs, or the cluster cannot be used.
    """
    with request.state.lock("retry"):
        _install_templates(cluster)
        delivery = Delivery(cluster, request.streams, shutdown)
        dead_letters = _dead_letters(request, delivery)
        encoder = _encoder(cluster, request, dead_letters.shipper_id, LineEncoder)
        return rejected_lines.retry_rejected(dead_letters, encoder, delivery, request.limits)


def _most_open_files() -> int:
    """Raise the limit of open files as far as it may be; return how many logs may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return max(8, soft - _OTHER_DESCRIPTORS)


def _tailer(request: ShipRequest, checkpoint: Checkpoint, key: str) -> Tailer:
    locks = make_folder(request.locks)
    return Tailer(
        paths.patterns(request.paths),
        () if request.from_start else checkpoint.load(),
        limits=request.limits,
        following=request.following,
        most_open=_most_open_files(),
        own=request.own_folders,
        locks=FileLocks(locks / f"files-{key}-{request.namespace}.lock"),
    )


def _dead_letters(request: ShipRequest, delivery: Delivery) -> DeadLetters:
    file = DeadLetterFile(request.state.dead_letters)
    return DeadLetters(file, delivery, request.namespace, request.state.shipper_id())


def _encoder(
    cluster: Cluster, request: ShipRequest, shipper_id: str, make: MakeEncoder
) -> LineEncoder:
    names = {
        dataset: FieldNames(
            (entry.name for entry in fields),
            _mapped_fields(cluster, data_stream(dataset, request.namespace)),
        )
        for dataset, fields in DATASETS.items()
        if any(entry.is_family for entry in fields)
    }
    return make(request.namespace, DATASETS, SCHEMA_VERSION, shipper_id, datetime.now(UTC), names)


def _mapped_fields(cluster: Cluster, stream: str) -> set[str]:
    """Return the fields in the mapping of a data stream's newest backing index."""
    try:
        mappings = cluster.mapping(stream)
    except ClusterError:
        # Without the privilege, or the cluster away: the bound holds for what this run brings.
        return set()
    newest = max(mappings, default="")
    return set(mappings[newest].get("properties", {})) if newest else set()


def _prepare_cluster(cluster: Cluster) -> str:
    """Install the templates; return the key of this cluster's checkpoint."""
    _install_templates(cluster)
    try:
        return cluster.uuid()
    except AccessRefusedError:
        return sha256(cluster.url.encode()).hexdigest()[:22]


def _install_templates(cluster: Cluster) -> None:
    """Install the index templates that are missing; `mlmon setup` renews those that have changed.

    Without its template, a data stream would become an index without a mapping.
    """
    # A shipper that may only write finds them there, or its lines are rejected with a reason.
    with suppress(AccessRefusedError):
        present = cluster.index_template_names()
        for template in templates.fitting(cluster):
            if template.name not in present:
                cluster.put_index_template(template.name, template.body)
