"""What is downloaded is verified before it is used, and unpacked whole or not at all."""

import hashlib
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlmon.elastic.errors import UserError
from mlmon.elastic.node import distribution as module
from mlmon.elastic.node.distribution import (
    ELASTICSEARCH,
    Distribution,
    ReportLine,
    fetch_with_jgo,
    install,
    installed,
)

FOLDER = "thing-1.0"


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        program = zipfile.ZipInfo(f"{FOLDER}/bin/run")
        program.external_attr = 0o755 << 16
        archive.writestr(program, "#!/bin/sh\n")
        archive.writestr(zipfile.ZipInfo(f"{FOLDER}/config/settings"), "a: 1\n")
    return buffer.getvalue()


ZIP = _zip()
THING = Distribution("org.example", "thing", "1.0", hashlib.sha256(ZIP).hexdigest())


class Source:
    """Delivers one content after the other; like jgo, it leaves a file that is there."""

    def __init__(self, *contents: bytes) -> None:
        self.contents = list(contents)
        self.fetched = 0

    def __call__(self, distribution: Distribution, repository: Path, _: ReportLine) -> Path:
        """Return the file in the repository, written now where it is missing."""
        file = repository / f"{distribution.folder}.zip"
        if not file.exists():
            repository.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.contents[min(self.fetched, len(self.contents) - 1)])
            self.fetched += 1
        return file


def _silent(_: str) -> None:
    pass


def test_a_download_is_unpacked_once(tmp_path: Path) -> None:
    """The folder is whole, programs can be run, and a second call fetches nothing."""
    source = Source(ZIP)
    folder = install(THING, tmp_path, _silent, source)
    assert folder == tmp_path / FOLDER == installed(THING, tmp_path)
    assert oct((folder / "bin" / "run").stat().st_mode & 0o777) == "0o755"
    assert (folder / "config" / "settings").read_text() == "a: 1\n"
    assert install(THING, tmp_path, _silent, source) == folder
    assert source.fetched == 1


def test_a_download_that_was_cut_short_is_fetched_again(tmp_path: Path) -> None:
    """A damaged file, left by an earlier run, is removed and fetched once more."""
    source = Source(ZIP)
    file = source(THING, tmp_path / "maven", _silent)
    file.write_bytes(ZIP[:-20])
    assert install(THING, tmp_path, _silent, source).is_dir()
    assert source.fetched == 2


def test_a_download_that_stays_damaged_is_refused(tmp_path: Path) -> None:
    """After the second damaged file nothing is unpacked or left, and the sum is reported."""
    source = Source(b"something else", b"something else again")
    with pytest.raises(UserError, match=f"is damaged: its SHA-256 is .*{THING.sha256}"):
        install(THING, tmp_path, _silent, source)
    assert source.fetched == 2
    assert installed(THING, tmp_path) is None
    assert list(tmp_path.rglob("*.zip")) == []


def test_two_installations_at_once_fetch_once(tmp_path: Path) -> None:
    """The others wait for the first and find its folder: nothing is torn or fetched twice."""
    source = Source(ZIP)
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: install(THING, tmp_path, _silent, source), range(4)))
    assert folders == {tmp_path / FOLDER}
    assert source.fetched == 1


def test_an_unpacking_that_is_cut_short_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full in the middle, no half folder counts as complete later."""
    extract = zipfile.ZipFile.extract

    def full_disk(self: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> str:
        if "config" in member.filename:
            raise OSError(28, "No space left on device")
        return extract(self, member, path)

    monkeypatch.setattr(zipfile.ZipFile, "extract", full_disk)
    with pytest.raises(OSError, match="No space left"):
        install(THING, tmp_path, _silent, Source(ZIP))
    assert installed(THING, tmp_path) is None
    assert {path.name for path in tmp_path.iterdir()} == {"maven", "install.lock"}
    monkeypatch.undo()
    assert install(THING, tmp_path, _silent, Source(ZIP)).is_dir()


@pytest.mark.usefixtures("no_network")
def test_without_network_the_remedy_is_reported(tmp_path: Path) -> None:
    """The real fetcher, with no way out, says what could not be fetched and what to do instead."""
    with pytest.raises(UserError, match=r"Elasticsearch 9\.5\.3 could not be fetched") as caught:
        fetch_with_jgo(ELASTICSEARCH, tmp_path, _silent)
    assert "MLMON_ELASTICSEARCH_URL" in caught.value.hint


def test_the_checksum_is_pinned() -> None:
    """The version and the checksum of what runs are those of the published file."""
    assert module.ELASTICSEARCH.version == "9.5.3"
    assert len(bytes.fromhex(module.ELASTICSEARCH.sha256)) == 32
