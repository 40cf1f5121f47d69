"""The paths a user names: what is wrong with them is said before anything is sent."""

from collections.abc import Sequence
from glob import has_magic
from pathlib import Path

from mlmon.elastic.errors import UserError
from mlmon.ingest.encode.line import LineError, parse
from mlmon.ingest.files.content import open_content
from mlmon.ingest.files.listing import STANDARD_INPUT, Found, matching

IN_FOLDER = "**/*.jsonl*"
"""What a folder stands for: its JSON lines files, the rotated and compressed ones too."""

_SAMPLE_BYTES = 1 << 16


def patterns(paths: Sequence[str]) -> list[str]:
    """Return absolute patterns for paths, folders and patterns."""
    return [_pattern(path) for path in paths]


def check(paths: Sequence[str], *, following: bool) -> None:
    """See that the paths can be shipped; those that are followed may appear later.

    Raises:
        UserError: A file is missing, cannot be read, or does not hold JSON lines.
    """
    for path in paths:
        if path == STANDARD_INPUT:
            continue
        found = list(matching([_pattern(path)]))
        if not found and not following:
            raise _missing(path)
        for file in found:
            _check_file(file)


def _pattern(path: str) -> str:
    if path == STANDARD_INPUT:
        return path
    folder = not has_magic(path) and Path(path).is_dir()
    # The names that a checkpoint keeps must mean the same from another working directory.
    return str(Path(path).absolute() / IN_FOLDER if folder else Path(path).absolute())


def _missing(path: str) -> UserError:
    if Path(path).is_dir():
        return UserError(f"{path} holds no JSON lines file", f"It is searched for {IN_FOLDER}.")
    if has_magic(path):
        return UserError(f"No file matches {path}", "Quote the pattern, and check the folder.")
    if Path(path).exists():
        return UserError(f"{path} is not a regular file", "Use `-` to ship standard input.")
    return UserError(f"{path} does not exist", "Check the path, or use --follow to wait for it.")


def _check_file(file: Found) -> None:
    try:
        content = open_content(file.path, file.identity)
    except OSError as error:
        raise UserError(
            f"{file.path} cannot be read: {error.strerror}", "Give this user the right to read it."
        ) from error
    if content is None:
        return
    try:
        reason = _why_not_json_lines(content.read_at(0, _SAMPLE_BYTES))
    finally:
        content.close()
    if reason:
        raise UserError(
            f"{file.path} does not hold JSON lines: {reason}",
            "Name only files written by logging_config; nothing was shipped.",
        )


def _why_not_json_lines(sample: bytes) -> str:
    """Return why none of the whole lines at a file's beginning is an object; empty where one is."""
    first = ""
    for line in sample.split(b"\n")[:-1]:
        try:
            parse(line)
        except LineError as error:
            first = first or (str(error) if line.strip() else "")
        else:
            return ""
    return f"line 1: {first}" if first else ""


def size(paths: Sequence[str]) -> int | None:
    """Return how many bytes the files hold, None where that cannot be known before reading them."""
    if STANDARD_INPUT in paths:
        return None
    files = list(matching(patterns(paths)))
    compressed = any(file.path.endswith(".gz") for file in files)
    return None if compressed else sum(file.size for file in files)
