"""The folders of mlmon's own files: a home for state and data, a cache for downloads.

Elasticsearch refuses to run as root, so root's folders lie where another user can reach them.
"""

import os
import stat
from pathlib import Path

from mlmon.elastic.errors import UserError
from mlmon.elastic.settings import Settings


def home_folder(settings: Settings) -> Path:
    """Return the folder of state and data: the setting, else the system's for root, else XDG's."""
    if settings.home is not None:
        return settings.home.expanduser().absolute()
    return Path("/var/lib/mlmon") if is_root() else _xdg("XDG_STATE_HOME", ".local/state")


def cache_folder(settings: Settings) -> Path:
    """Return the folder of downloads: the setting, else below a chosen home, else the system's."""
    if settings.cache is not None:
        return settings.cache.expanduser().absolute()
    if settings.home is not None:
        return home_folder(settings) / "cache"
    return Path("/var/cache/mlmon") if is_root() else _xdg("XDG_CACHE_HOME", ".cache")


def is_root() -> bool:
    """Whether this process runs as root."""
    return os.geteuid() == 0


def make_folder(path: Path, owner: int | None = None) -> Path:
    """Create a folder that everybody may enter, regardless of the umask.

    Args:
        path: The folder; those above it are created likewise.
        owner: User id to give it to; None keeps it.

    Raises:
        UserError: It cannot be created.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        if owner is not None:
            os.chown(path, owner, -1)
    except OSError as error:
        raise UserError(
            f"The folder {path} cannot be created: {error.strerror}",
            "Set MLMON_HOME to a folder that you may write.",
        ) from error
    return path


def reachable_by_all(path: Path) -> bool:
    """Whether every user can enter all folders above a path and read it."""
    folders = (stat.S_IXOTH & folder.stat().st_mode for folder in path.resolve().parents)
    return bool(path.stat().st_mode & stat.S_IROTH) and all(folders)


def _xdg(variable: str, fallback: str) -> Path:
    # https://specifications.freedesktop.org/basedir-spec: a relative path is to be ignored.
    base = Path(os.environ.get(variable, ""))
    return (base if base.is_absolute() else Path.home() / fallback) / "mlmon"
