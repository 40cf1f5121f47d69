"""Write a file completely or not at all: to a temporary file, renamed at the end."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmon.elastic.errors import UserError, WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextmanager
def atomic_write(
    path: Path, *, durable: bool = False, hint: str | None = None, mode: int = 0o666
) -> Iterator[Path]:
    """Yield a temporary path, which is renamed to `path` when the block ends.

    Where the block fails, `path` is unchanged and the temporary file is removed.

    Args:
        path: The file to replace.
        durable: Wait until content and name have reached the disk, so that a reader finds the old
            or the new file after a crash as well. Its writer is the only one of that file.
        hint: What a user can do where the file cannot be written.
        mode: Permissions of the file, less the umask.

    Raises:
        UserError: The file cannot be written, where a hint is given.
        OSError: The same without a hint.
    """
    # A killed process leaves no more than one file behind where it is the only writer.
    part = path.with_name(f".{path.name}.{'new' if durable else os.getpid()}")
    try:
        _create(part, mode)
        yield part
        if durable:
            with part.open("rb") as file:
                os.fsync(file.fileno())
        part.replace(path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        if hint is None:
            raise
        raise UserError(f"{path} cannot be written: {error.strerror}", hint) from error
    finally:
        part.unlink(missing_ok=True)


def check_output_file(path: Path) -> None:
    """Refuse a file that `--out` names and that cannot be made, before any work is done.

    Raises:
        WrongValueError: It is a folder, or there is no folder for it.
    """
    if path.is_dir():
        raise WrongValueError(
            f"{path} cannot be written: it is a folder", "Name a file with --out."
        )
    if not path.parent.is_dir():
        raise WrongValueError(
            f"{path} cannot be written: no folder {path.parent}", "Create it first."
        )


def check_output_folder(path: Path) -> None:
    """Refuse a folder to write to that is something else.

    Raises:
        WrongValueError: It, or what it would lie in, is a file.
    """
    there = next((place for place in (path, *path.parents) if place.exists()), path)
    if there.exists() and not there.is_dir():
        raise WrongValueError(
            f"{path} cannot be written: {there} is no folder", "Name another folder."
        )


@contextmanager
def output_errors(folder: Path) -> Iterator[None]:
    """Raise what goes wrong in writing the folder of `--out` as an error that a user can fix."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written: {error.strerror}", "Choose another folder with --out."
        ) from error


def write_files(texts: Mapping[str, str], folder: Path) -> None:
    """Write files below a folder, by their paths in it.

    Raises:
        UserError: The folder cannot be written.
    """
    with output_errors(folder):
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _create(part: Path, mode: int) -> None:
    """Create the temporary file: what another user left under its name, such as a link, goes."""
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder have reached the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
