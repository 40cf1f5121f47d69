"""Vega, Vega-Lite and Vega-Embed in one script, out of a package, not a network.

Bundling takes two seconds, in which no other thread of Python runs: it is done once for each
version of the package, and its result is kept in mlmon's cache.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from mlmon.elastic.errors import UserError
from mlmon.elastic.settings import load_settings
from mlmon.elastic.system.atomic_write import atomic_write
from mlmon.elastic.system.folders import cache_folder, make_folder

if TYPE_CHECKING:
    from pathlib import Path

_DISTRIBUTION: Final = "vl-convert-python"
_PROGRAM: Final = "from mlmon.report.html.vega_bundle import vega_script; vega_script()"
_preparing = threading.Lock()


def kept_at() -> Path:
    """Return the file in which the script is kept."""
    return cache_folder(load_settings()) / f"vega-{version(_DISTRIBUTION)}.js"


def prepare() -> None:
    """Bundle the script in a process of its own, unless it is kept; `vega_script` waits for it."""
    with _preparing:
        if not kept_at().is_file():
            # Where that fails, whoever asks for the script does the same and sees why.
            subprocess.run([sys.executable, "-c", _PROGRAM], check=False)  # noqa: S603


@cache
def vega_script() -> str:
    """Return the script, which sets `window.vegaEmbed`."""
    path = kept_at()
    with _preparing:
        try:
            return path.read_text(encoding="utf-8")
        except OSError:
            pass
        import vl_convert

        script = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
        with suppress(OSError, UserError):  # Whoever may not write there bundles each time.
            make_folder(path.parent)
            with atomic_write(path) as part:
                part.write_text(script, encoding="utf-8")
        return script
