"""The entry point `mlmon`: run a command, and turn an error that a user can fix into two lines.

It imports the standard library only. A service installs the log without the pipeline; `mlmon`
answers there too, with the extra to install.
"""

import gc
import os
import re
import sys
from typing import NoReturn

PIPELINE = "pipeline"
EXTRA_OF_COMMAND = {
    "demo": "demo",
    "evidently": "evidently",
    "grafana": "grafana",
    "nannyml": "nannyml",
    "whylogs": "whylogs",
}
"""The extra a command needs; `pipeline` for every command that is not here."""

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRAS = re.compile(r"\[([^]]*)\]")


def main() -> None:
    """Run the command line.

    A `UserError` becomes its message, its hint and its exit code; a missing extra becomes one line
    with the command that installs it, and exit code 1.
    """
    # Before numpy is imported: its products of matrices are small here, and a thread for each core
    # ends them no sooner at twice the CPU, which the node may be waiting for.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    extra = EXTRA_OF_COMMAND.get(command, PIPELINE)
    if sys.argv[1:] == ["--version"]:
        from importlib import metadata

        sys.stdout.write(f"mlmon {metadata.version('mlmon')}\n")
        return
    # These find out too late for a message of one line, the demo in the processes that it starts.
    if command in EXTRA_OF_COMMAND and "--help" not in sys.argv and not installed(extra):
        sys.exit(_needs(command, extra))
    try:
        from mlmon.commands import run
    except ModuleNotFoundError as error:
        _exit_without_extra(error, command, extra)
    try:
        sys.exit(run())
    except ModuleNotFoundError as error:
        _exit_without_extra(error, command, extra)
    except Exception:
        from mlmon.elastic.system.terminal import escaped_traceback

        sys.excepthook = escaped_traceback  # not before: typer sets its own
        raise
    finally:
        # Python would look for cycles among all that was imported, only to end.
        gc.freeze()


def installed(extra: str) -> bool:
    """Return whether every distribution that an extra of mlmon requires is installed."""
    from importlib import metadata

    for requirement in metadata.requires("mlmon") or ():
        wanted, _, marker = requirement.partition(";")
        if f'extra == "{extra}"' not in marker.replace("'", '"'):
            continue
        name, extras = _NAME.match(wanted.strip()), _EXTRAS.search(wanted)
        if name and name[0] == "mlmon" and extras:
            if not all(installed(inner.strip()) for inner in extras[1].split(",")):
                return False
        elif name and not _is_installed(name[0]):
            return False
    return True


def _is_installed(distribution: str) -> bool:
    from importlib import metadata

    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _exit_without_extra(error: ModuleNotFoundError, command: str, extra: str) -> NoReturn:
    """End with the extra to install; raise the error where it has another cause."""
    if installed(extra):
        raise error
    sys.exit(_needs(command, extra))


def _needs(command: str, extra: str) -> str:
    return f'{f"mlmon {command}".strip()} needs the extra "{extra}": pip install "mlmon[{extra}]"'
