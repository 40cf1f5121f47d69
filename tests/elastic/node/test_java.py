"""The first Java that is new enough is found; without one and a network, the error helps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlmon.elastic.errors import UserError
from mlmon.elastic.node import java
from mlmon.elastic.node.java import fetch_java, find_java, java_version

MakeJava = Callable[[str, str], Path]


@pytest.fixture
def make_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MakeJava:
    """Makes the outside of a Java: a `release` file and a program; none other is found."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("ES_JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    # pytest's folders are closed to others, and whether root runs the tests must not matter.
    monkeypatch.setattr(java, "is_root", lambda: False)

    def make(name: str, version: str) -> Path:
        home = tmp_path / name
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "java").touch(mode=0o755)
        (home / "release").write_text(f'IMPLEMENTOR="Someone"\nJAVA_VERSION="{version}"\n')
        return home

    return make


@pytest.mark.parametrize(
    ("stated", "major"), [("25", 25), ("21.0.2", 21), ("1.8.0_392", 8), ("26-ea", 26)]
)
def test_the_version_is_read_from_the_release_file(
    stated: str, major: int, make_java: MakeJava
) -> None:
    """Old and new ways of numbering, and early access builds, give the major version."""
    assert java_version(make_java("jdk", stated)) == major


def test_java_home_goes_before_path_and_system(
    make_java: MakeJava, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the user names is taken, then what a shell would run, then the newest installed."""
    named, on_path = make_java("named", "21"), make_java("on-path", "22")
    make_java("system/old", "21")
    newest = make_java("system/new", "24.0.1")
    system = [tmp_path / "system", tmp_path / "missing"]
    assert find_java(system) == newest
    monkeypatch.setenv("PATH", str(on_path / "bin"))
    assert find_java(system) == on_path
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert find_java(system) == named


def test_an_older_java_is_passed_over(
    make_java: MakeJava, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A JAVA_HOME of Java 17 does not hide the Java 21 that lies in the system's folder."""
    monkeypatch.setenv("JAVA_HOME", str(make_java("old", "17.0.15")))
    enough = make_java("system/enough", "21")
    assert find_java([tmp_path / "system"]) == enough


def test_a_java_that_the_nodes_user_cannot_run_is_passed_over(
    make_java: MakeJava, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where root starts the node, a Java in a closed folder (such as root's home) is of no use."""
    make_java("closed/jdk", "25")
    (tmp_path / "closed").chmod(0o700)
    assert find_java([tmp_path / "closed"]) is not None
    monkeypatch.setattr(java, "is_root", lambda: True)
    assert find_java([tmp_path / "closed"]) is None


@pytest.mark.usefixtures("no_network")
def test_without_java_and_network_the_remedy_is_reported(
    make_java: MakeJava, tmp_path: Path
) -> None:
    """No Java here and none to be fetched: the error says so and how to get one."""
    make_java("system/old", "17")
    assert find_java([tmp_path / "system"]) is None
    with pytest.raises(UserError, match="no Java 21 or newer here, and none could be") as caught:
        fetch_java(tmp_path / "cache")
    assert "JAVA_HOME" in caught.value.hint
    assert "MLMON_ELASTICSEARCH_URL" in caught.value.hint
