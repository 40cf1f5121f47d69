"""The job that opens the dashboards of a real Kibana, as far as can be told without one."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser
from typer.testing import CliRunner

from mlmon.commands import app
from mlmon.dashboards.links.settings import KibanaSettings
from mlmon.dashboards.links.target import LinkTarget
from tests.support.browser import browser_path
from tests.support.kibana_pages import PASSWORD, USER, serving_pages

pytestmark = pytest.mark.long

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPT = DEPLOY / "kibana-check.sh"
FAILURE = '<div data-test-subj="embeddable-lens-failure">Field x was not found</div>'


@pytest.fixture(scope="module")
def opener() -> ModuleType:
    """`open_dashboards.py` as a module."""
    found = importlib.util.spec_from_file_location("open_dashboards", DEPLOY / "open_dashboards.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # dataclasses look their module up
    found.loader.exec_module(module)
    return module


def run_script(*words: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run the job with a PATH of its own."""
    bash = shutil.which("bash")
    assert bash is not None
    return subprocess.run(
        [bash, str(SCRIPT), *words],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.fixture
def no_engine(tmp_path: Path) -> str:
    """A PATH with what the job needs before it looks for an engine, and no engine."""
    for name in ("dirname", "sed"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    return str(tmp_path)


def test_the_script_is_one(no_engine: str) -> None:
    """Bash reads it; --help shows what it does and that it was not run; wrong usage exits 2."""
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    output = run_script("--help", path=no_engine)
    assert output.returncode == 0
    assert "NOT RUN where it was written" in output.stdout
    options = set(re.findall(r"^    (--\w+)\) ", SCRIPT.read_text(), re.MULTILINE))
    assert options == set(re.findall(r"^  (--\w+)", output.stdout, re.MULTILINE)) != set()
    assert run_script("--no-such", path=no_engine).returncode == 2


def test_without_an_engine_it_is_noted(no_engine: str) -> None:
    """Nothing is begun where there is no docker."""
    done = run_script(path=no_engine)
    assert done.returncode == 1
    assert "docker with compose v2 is needed" in done.stderr


def test_it_calls_commands_that_mlmon_has() -> None:
    """Each `mlmon` line names a command that is there, with options it has."""
    lines = re.findall(r"^mlmon (.+)$", SCRIPT.read_text(), re.MULTILINE)
    assert len(lines) >= 7
    for line in lines:
        words = line.split()
        name = words[: 2 if words[0] in {"kibana", "baseline"} else 1]
        output = CliRunner().invoke(app, [*name, "--help"], env={"COLUMNS": "200"})
        assert output.exit_code == 0, line
        options = {word for word in words if word.startswith("--")}
        assert options <= set(re.findall(r"--[\w-]+", output.output)), line


def test_it_opens_the_dashboards_that_are_compiled(opener: ModuleType) -> None:
    """The ids in its addresses are those of the compiled artefacts, all of them."""
    text = (DEPLOY / "kibana" / "saved_objects.ndjson").read_text()
    compiled = {
        line["id"] for line in map(json.loads, text.splitlines()) if line["type"] == "dashboard"
    }
    found = dict(opener.addresses("http://kibana/base", LinkTarget(), "now-18d", "now"))
    parts = [urlsplit(url) for url in found.values()]
    assert {part.path for part in parts} == {"/base/app/dashboards"}
    opened = {unquote(part.fragment).partition("/view/")[2].partition("?")[0] for part in parts}
    assert opened == compiled
    ((_, elsewhere), *_) = opener.addresses("http://k", LinkTarget("prod", "ops"), "now-1d", "now")
    assert elsewhere.startswith("http://k/s/ops/app/dashboards#/view/mlmon-prod-ops-")
    assert elsewhere.endswith("?_g=(time:(from:'now-1d',to:'now'))")


TROUBLES = {
    "good": "",
    "broken": FAILURE,
    "vega": '<ul class="vgaVis__messages"><li class="vgaVis__message">no such field</li></ul>',
    "slow": "waits",
    "missing": "absent",
    "script": "throws",
}


def test_a_broken_panel_is_named(opener: ModuleType, browser: Browser, tmp_path: Path) -> None:
    """A good page passes; else panel and message are reported; each has its picture."""
    with serving_pages(TROUBLES) as url:
        access = KibanaSettings(url=url, username=USER, password=PASSWORD)
        context = opener.logged_in(browser, access)

        def look(name: str, timeout: float = 20_000) -> list[str]:
            address = f"{url}/app/dashboards#/view/{name}?_g=()"
            opened = opener.look(context, name, address, tmp_path, timeout)
            assert (tmp_path / f"{name}.png").stat().st_size > 1_000
            return list(opened.problems)

        assert look("good") == []
        assert look("broken") == ["Latency: Field x was not found"]
        assert look("vega") == ["Latency: no such field"]
        assert look("script") == ["the script: a script broke"]
        (waits,) = look("slow", 700)
        assert waits.startswith("Latency: is not drawn in time")
        (absent,) = look("missing", 300)
        assert absent.startswith("the dashboard itself: is not drawn in time")
        context.close()


def test_the_whole_of_it(tmp_path: Path) -> None:
    """As a command: it logs in, opens all, exits 1 for one broken panel and names it."""
    browser_path()
    with serving_pages({"mlmon-default-drift": FAILURE}) as url:
        access = {"URL": url, "USERNAME": USER, "PASSWORD": PASSWORD}
        done = subprocess.run(
            [sys.executable, DEPLOY / "open_dashboards.py", "--out", tmp_path, "--timeout", "30"],
            env=os.environ | {f"MLMON_KIBANA_{name}": value for name, value in access.items()},
            cwd=DEPLOY.parent,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1, done.stderr
    assert "FAIL drift: 2 panels\n       Latency: Field x was not found" in done.stdout
    assert done.stdout.count("ok   ") == 9
    assert "1 of 10 dashboards show an error" in done.stdout
    assert len(list(tmp_path.glob("*.png"))) == 10
