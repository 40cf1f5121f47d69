"""The Elasticsearch that the embedded node runs: fetched once, verified by checksum, unpacked once.

It is the core distribution that Elastic publishes as a Maven artifact; `jgo` fetches it.
"""

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlmon.elastic.errors import UserError, root_cause
from mlmon.elastic.system.folders import make_folder
from mlmon.elastic.system.lock import hold

ReportLine = Callable[[str], None]
Fetch = Callable[["Distribution", Path, ReportLine], Path]


@dataclass(frozen=True, slots=True)
class Distribution:
    """A published zip whose content is pinned.

    Args:
        group: Maven group.
        artifact: Maven artifact.
        version: Version.
        sha256: Checksum of the zip, in hexadecimal.
    """

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def folder(self) -> str:
        """Name of the one folder in the zip."""
        return f"{self.artifact}-{self.version}"


ELASTICSEARCH = Distribution(
    group="org.elasticsearch.distribution.integ-test-zip",
    artifact="elasticsearch",
    version="9.5.3",
    sha256="bec49f3b8d00e75c8d1cec85c35298635ec9fbd3ae80ef5aeb6bc05abdb3db2d",
)


def fetch_with_jgo(distribution: Distribution, repository: Path, report: ReportLine) -> Path:
    """Return the zip in the local Maven repository, downloading it where it is missing.

    Raises:
        UserError: It cannot be downloaded.
    """
    from jgo.maven import MavenContext, PythonResolver

    resolver = PythonResolver(progress_callback=_Download(report))
    context = MavenContext(resolver, repo_cache=repository, local_repos=[], timeout=30)
    project = context.project(distribution.group, distribution.artifact)
    artifact = project.at_version(distribution.version).artifact(packaging="zip")
    try:
        return artifact.resolve()
    # The errors of `requests` are OSErrors.
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"Elasticsearch {distribution.version} could not be fetched: {root_cause(error)}",
            "Connect to the network once, or set MLMON_ELASTICSEARCH_URL to a running cluster.",
        ) from error


class _Download:
    """Turns the bytes that jgo reports into progress in percent.

    Args:
        report: Called with the progress in percent.
    """

    def __init__(self, report: ReportLine) -> None:
        self._report = report

    @contextmanager
    def __call__(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Report on one download of `size` bytes."""
        done = shown = 0

        def update(count: int) -> None:
            nonlocal done, shown
            done += count
            if done * 100 // size > shown:
                shown = done * 100 // size
                self._report(f"fetching {name}, {size / 1e6:.0f} MB, once: {shown} %")

        yield update


def installed(distribution: Distribution, cache: Path) -> Path | None:
    """Return the unpacked distribution's folder, None where it is not unpacked yet."""
    folder = cache / distribution.folder
    return folder if folder.is_dir() else None


def install(
    distribution: Distribution, cache: Path, report: ReportLine, fetch: Fetch = fetch_with_jgo
) -> Path:
    """Return the unpacked distribution's folder; fetch, verify and unpack it where needed.

    Raises:
        UserError: It cannot be fetched, or what is fetched has another checksum, twice.
    """
    if folder := installed(distribution, cache):
        return folder
    make_folder(cache)
    with hold(cache / "install.lock"):
        # Another process may have installed it meanwhile.
        if folder := installed(distribution, cache):
            return folder
        archive = _verified(distribution, cache / "maven", report, fetch)
        report(f"unpacking Elasticsearch {distribution.version}")
        folder = _unpack(archive, cache, distribution.folder)
        archive.unlink()
        return folder


def _verified(
    distribution: Distribution, repository: Path, report: ReportLine, fetch: Fetch
) -> Path:
    # The first file may be an old, partial download; the second one was just fetched.
    for _ in range(2):
        archive = fetch(distribution, repository, report)
        report("verifying its checksum")
        found = _sha256(archive)
        if found == distribution.sha256:
            return archive
        archive.unlink()
    raise UserError(
        f"Elasticsearch {distribution.version} is damaged: "
        f"its SHA-256 is {found}, not {distribution.sha256}",
        "Try again, if possible without a proxy; the damaged file was removed.",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(archive: Path, cache: Path, folder: str) -> Path:
    """Unpack next to the target and rename, so that a partial folder is never used."""
    target = cache / folder
    temporary = Path(tempfile.mkdtemp(prefix=".unpack-", dir=cache))
    try:
        with zipfile.ZipFile(archive) as content:
            for member in content.infolist():
                path = Path(content.extract(member, temporary))
                # zipfile drops file modes; programs must stay executable.
                path.chmod(
                    (member.external_attr >> 16) & 0o777 | (0o755 if member.is_dir() else 0o644)
                )
        (temporary / folder).rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target
