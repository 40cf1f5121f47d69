"""The drawing script is bundled once, in another process, and kept."""

from pathlib import Path

import pytest

from mlmon.report.html import vega_bundle

pytestmark = pytest.mark.long


def test_the_script_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepared by another process it is read, not made again; else it is made each time."""
    monkeypatch.setenv("MLMON_CACHE", str(tmp_path))
    vega_bundle.vega_script.cache_clear()
    vega_bundle.prepare()
    (path,) = tmp_path.glob("vega-*.js")
    assert "window.vegaEmbed" in path.read_text()
    path.write_text("kept")
    assert vega_bundle.vega_script() == "kept"
    vega_bundle.vega_script.cache_clear()
    monkeypatch.setenv("MLMON_CACHE", "/proc/none")
    assert "window.vegaEmbed" in vega_bundle.vega_script()
    vega_bundle.vega_script.cache_clear()
