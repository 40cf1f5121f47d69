"""The paths a user names: which files they stand for, and which of those hold JSON lines."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import escape, glob, has_magic
from pathlib import Path

from mlmon.elastic.errors import UserError
from mlmon.formatting import one_line
from mlmon.ingest.encode.containers import unwrapper
from mlmon.ingest.encode.dead_letter_fields import is_dead_letter
from mlmon.ingest.encode.line import LineError, is_blank, parse
from mlmon.ingest.files.content import Content, open_content

STANDARD_INPUT = "-"

IN_FOLDER = "**/*.jsonl*"
"""Files that a folder stands for: its JSON lines files, the rotated and compressed ones too."""

_ANY_DEPTH = "**"
_SAMPLE_BYTES = 1 << 16
# What `glob.escape` makes of a character with a meaning in patterns.
_LITERAL = re.compile(r"\[([*?[])\]")
_UNREADABLE_FORMATS = {
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file that is there now.

    Attributes:
        path: Its path.
        identity: Device and inode.
        size: Bytes.
        modified_ns: Time of the last write, nanoseconds since the epoch.
    """

    path: str
    identity: tuple[int, int]
    size: int
    modified_ns: int


def printable(path: str) -> str:
    """Return a path as text of one line that can be printed and stored.

    Bytes that are not UTF-8 and control characters are escaped.
    """
    if not path.isascii():
        path = os.fsencode(path).decode("utf-8", "backslashreplace")
    return one_line(path)


def patterns(paths: Sequence[str]) -> list[str]:
    """Return absolute patterns for paths, folders and patterns."""
    return [_pattern(path) for path in paths]


def check(paths: Sequence[str], *, following: bool, own: Sequence[Path] = ()) -> dict[str, str]:
    """Check the paths before anything is sent; return those that cannot be shipped, with reasons.

    Args:
        paths: What a user named.
        following: Whether a path may appear later.
        own: The shipper's own folders.

    Raises:
        UserError: None of the paths can be shipped; with `following`, a path may appear later.
    """
    problems: dict[str, UserError] = {}
    usable = following
    for path in paths:
        if path == STANDARD_INPUT:
            usable = True
            continue
        refused: dict[str, OSError] = {}
        found = list(matching([_pattern(path)], own, refused))
        if not found and not following:
            problems[path] = _missing(path)
        for file in found:
            problem = _file_problem(file)
            if problem:
                problems[file.path] = problem
            else:
                usable = True
        for folder, error in refused.items():
            problems[folder] = UserError(
                f"{printable(folder)} cannot be searched: {error.strerror}",
                "Give this user the right to list it.",
            )
    if problems and not usable:
        raise next(iter(problems.values()))
    return {printable(path): error.message for path, error in problems.items()}


def _pattern(path: str) -> str:
    if path == STANDARD_INPUT:
        return path
    # The names that a checkpoint keeps must mean the same from another working directory.
    absolute = Path(path).absolute()
    if absolute.is_dir():
        return f"{escape(str(absolute))}/{IN_FOLDER}"
    return escape(str(absolute)) if absolute.exists() else str(absolute)


def _missing(path: str) -> UserError:
    name = printable(path)
    if Path(path).is_dir():
        return UserError(f"{name} holds no JSON lines file", f"It is searched for {IN_FOLDER}.")
    if Path(path).exists():
        return UserError(f"{name} is not a regular file", "Use `-` to ship standard input.")
    if has_magic(path):
        return UserError(f"No file matches {name}", "Quote the pattern, and check the folder.")
    return UserError(f"{name} does not exist", "Check the path, or use --follow to wait for it.")


def _file_problem(file: FoundFile) -> UserError | None:
    name = printable(file.path)
    try:
        content = open_content(file.path, file.identity)
    except OSError as error:
        return UserError(
            f"{name} cannot be read: {error.strerror}", "Give this user the right to read it."
        )
    if content is None:
        return None
    try:
        reason = why_not_a_log(content)
    finally:
        content.close()
    if not reason:
        return None
    return UserError(f"{name} {reason}", "Name only files written by logging_config.")


def why_not_a_log(content: Content) -> str:
    """Return why a file is no log, as a predicate; empty where a line is a JSON object.

    A file without a complete line yet may become a log. The end is checked too, since a log may
    begin with other text, such as a traceback.
    """
    beginning = content.read_at(0, _SAMPLE_BYTES)
    for magic, name in _UNREADABLE_FORMATS.items():
        if beginning.startswith(magic):
            return f"is compressed with {name}, which is not read (gzip is)"
    reason = _why_no_line(beginning, complete=len(beginning) < _SAMPLE_BYTES)
    if reason and content.mutable and content.size() > _SAMPLE_BYTES:
        end = content.read_at(content.size() - _SAMPLE_BYTES, _SAMPLE_BYTES)
        if not _why_no_line(end.partition(b"\n")[2], complete=True):
            return ""
    return reason


def _why_no_line(sample: bytes, *, complete: bool) -> str:
    """Return why no line of a sample is a JSON object; empty where one is or may become one."""
    *lines, rest = sample.split(b"\n")
    unwrap = unwrapper(sample)
    reason = ""
    for line in lines:
        try:
            if unwrap is not None:
                unwrap(line)
            elif is_dead_letter(parse(line)):
                return "holds the rejected lines of a shipper: see `mlmon ship retry-rejected`"
        except LineError as error:
            reason = reason or ("" if is_blank(line) else str(error))
        else:
            return ""
    may_become_one = is_blank(rest) or is_blank(rest.partition(b"{")[0]) or unwrap is not None
    if not reason and may_become_one:
        return ""
    if not reason and not complete:
        return ""
    return f"does not hold JSON lines: line 1: {reason or 'it does not begin with a brace'}"


def size(paths: Sequence[str], own: Sequence[Path] = ()) -> int | None:
    """Return how many bytes the files hold, None where that cannot be known before reading them."""
    if STANDARD_INPUT in paths:
        return None
    files = list(matching(patterns(paths), own))
    compressed = any(file.path.endswith(".gz") for file in files)
    return None if compressed else sum(file.size for file in files)


def matching(
    patterns: Sequence[str],
    own: Sequence[Path] = (),
    refused: dict[str, OSError] | None = None,
) -> Iterator[FoundFile]:
    """Yield each file that a path or glob pattern names, once.

    Args:
        patterns: Absolute paths and patterns.
        own: The shipper's own folders: what it writes there is no input, else one rejected line
            would be rejected again for ever.
        refused: Receives the folders that cannot be listed.
    """
    seen = {found.identity for folder in own for found in _files_below(folder)}
    for pattern in patterns:
        for path in _expand(pattern, refused):
            found = found_file(path)
            if found and found.identity not in seen:
                seen.add(found.identity)
                yield found


def _files_below(folder: Path) -> Iterator[FoundFile]:
    for path in folder.rglob("*"):
        found = found_file(str(path))
        if found:
            yield found


def _expand(pattern: str, refused: dict[str, OSError] | None) -> list[str]:
    if not has_magic(pattern):
        return [pattern]
    before, any_depth, after = pattern.partition(f"/{_ANY_DEPTH}/")
    if not any_depth:
        return sorted(glob(pattern))  # noqa: PTH207 - Path.glob takes no absolute pattern
    roots = glob(before or "/")  # noqa: PTH207 - as above
    folders = (folder for root in roots for folder in _folders_below(root, refused))
    found = {path for folder in folders for path in _expand(f"{escape(folder)}/{after}", refused)}
    return sorted(found)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return not entry.name.startswith(".") and entry.is_dir()
    except OSError:
        # A link that leads to itself; its neighbours are read all the same.
        return False


def _folders_below(root: str, refused: dict[str, OSError] | None) -> Iterator[str]:
    """Yield a folder and those below it, each once: a symbolic link may lead back.

    Args:
        root: The folder.
        refused: Receives the folders that cannot be listed.
    """
    seen = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(folder)  # noqa: PTH116 - as in found_file
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                below = [entry.path for entry in entries if _is_folder(entry)]
        except OSError as error:
            if refused is not None and not isinstance(error, FileNotFoundError):
                refused[folder] = error
            continue
        yield folder
        waiting += sorted(below, reverse=True)


def siblings(paths: Iterable[str]) -> Iterator[FoundFile]:
    """Yield the files next to some paths whose names begin alike, such as `app.jsonl.1`.

    Each folder is read once.
    """
    stems: dict[str, set[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        stems.setdefault(folder, set()).add(name.split(".")[0])
    for folder, beginnings in stems.items():
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - Path.iterdir makes a Path of each
        except OSError:
            continue
        for name in names:
            if any(name[:length] in beginnings for length in range(1, len(name) + 1)):
                found = found_file(f"{folder}/{name}")
                if found:
                    yield found


def found_file(path: str) -> FoundFile | None:
    """Return what is at a path where that is a regular file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - called for each file each second; Path.stat costs twice as much
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundFile(path, (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns)


def link_target(path: str) -> str:
    """Return the real path of a file whose path leads over a link; empty for any other."""
    real = os.path.realpath(path)
    return "" if real == path else real


def is_named(patterns: Sequence[str], path: str) -> bool:
    """Return whether a pattern names a path, which need not exist any more."""
    # `**/` stands for no folder too, which fnmatch does not know.
    forms = {form for pattern in patterns for form in (pattern, pattern.replace("**/", ""))}
    return any(path == form or fnmatchcase(path, form) for form in forms)


def folders(patterns: Sequence[str]) -> set[Path]:
    """Return the folders in which a file that a pattern names may appear; those that exist."""
    found = set()
    for pattern in patterns:
        folder = Path(pattern.partition(f"/{_ANY_DEPTH}/")[0] or "/")
        if str(folder) == pattern:
            folder = folder.parent
        while has_magic(_LITERAL.sub("", str(folder))):
            folder = folder.parent
        folder = Path(_LITERAL.sub(lambda match: match[1], str(folder)))
        if folder.is_dir():
            found.add(folder)
    return found
