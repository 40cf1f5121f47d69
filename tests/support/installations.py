"""The wheel, and environments that hold it and nothing of this folder's `.venv`."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "mlmon")
UNREACHABLE = ("error sending request", "dns error", "network was disabled", "Failed to fetch")


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this tree; nothing is written into the tree.

    Args:
        folder: An empty folder, for a copy of the sources and for the wheel.
    """
    source = folder / "source"
    source.mkdir()
    links = [path.resolve().name for path in (ROOT / "mlmon").iterdir() if path.is_symlink()]
    for name in (*SOURCES, *links):
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    _uv("build", "--wheel", "-q", "--out-dir", folder / "dist", source)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


@dataclass(frozen=True, slots=True)
class Installation:
    """A virtual environment of its own."""

    folder: Path

    @property
    def site_packages(self) -> Path:
        """Where its distributions lie."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def run(
        self, *words: str | Path, folder: Path, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in a folder, without this process's MLMON_ variables."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")}
        program, *rest = words
        return subprocess.run(
            [self.folder / "bin" / program, *rest],
            cwd=folder,
            env=kept | {"MLMON_HOME": str(folder)} | dict(variables or {}),
            capture_output=True,
            text=True,
            check=False,
        )

    def distributions(self) -> set[str]:
        """Return the names of the distributions that it holds."""
        listed = _uv("pip", "list", "-q", "--format", "freeze", "--python", self.folder)
        return {line.partition("==")[0].partition(" @")[0] for line in listed.splitlines()}


def install(wheel: Path, folder: Path, extra: str = "") -> Installation:
    """Make an environment and install the wheel, with the locked versions of what it needs."""
    _uv("venv", "-q", "--python", sys.executable, folder)
    wanted = f"{wheel}[{extra}]" if extra else str(wheel)
    _uv("pip", "install", "-q", "--python", folder, "-c", ROOT / "requirements.lock", wanted)
    return Installation(folder)


def names_in(wheel: Path) -> set[str]:
    """Return the files of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _uv(*words: str | Path) -> str:
    done = subprocess.run([UV, *words], capture_output=True, text=True, check=False)
    if done.returncode and any(reason in done.stderr for reason in UNREACHABLE):
        pytest.skip(f"the package index cannot be reached: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return done.stdout
