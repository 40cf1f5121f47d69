"""A folder that appears whole or not at all.

The work goes into a hidden folder next to the place (`.<name>.partial-<process id>`) and is renamed
into it at the end. What a killed process left behind is removed by the next run.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class OutputExistsError(FileExistsError):
    """The place is taken, by something that is not to be replaced."""


@contextmanager
def output_folder(place: Path, *, marker: str, replace: bool) -> Iterator[Path]:
    """A folder to work in, which becomes `place` if the block ends without an exception.

    Args:
        place: where the finished folder is to be.
        marker: a file each finished folder holds; only a folder that holds it is replaced.
        replace: whether a finished folder that is already there gives way.

    Raises:
        OutputExistsError: `place` is there and may not be replaced.
    """
    place = place.resolve()
    _require_free(place, marker=marker, replace=replace)
    place.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(place)
    partial = place.with_name(f".{place.name}.partial-{os.getpid()}")
    partial.mkdir()
    try:
        yield partial
        _put_in_place(partial, place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _require_free(place: Path, *, marker: str, replace: bool) -> None:
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    if not (place / marker).is_file():
        raise OutputExistsError(f"{place} is there and is none of ours: choose another folder")
    if not replace:
        raise OutputExistsError(f"{place} is there already: replace it with --replace")


def _remove_abandoned(place: Path) -> None:
    for partial in place.parent.glob(f".{place.name}.partial-*"):
        process = partial.name.rpartition("-")[2]
        if process.isdigit() and not _is_running(int(process)):
            shutil.rmtree(partial, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()


def _put_in_place(partial: Path, place: Path) -> None:
    if place.exists():
        # A rename cannot replace a folder that holds something; the old one steps aside first.
        aside = place.with_name(f"{partial.name}-old")
        place.rename(aside)
        partial.rename(place)
        shutil.rmtree(aside)
    else:
        partial.rename(place)
