"""The wheel, installed into environments that hold nothing else."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from mlmon.analyzers.checks import discover
from mlmon.elastic.client.cluster import Cluster
from tests.support.installations import ROOT, Installation, build_wheel, install, names_in

pytestmark = pytest.mark.long

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
LIGHT = {"mlmon", "orjson", "python-json-logger", "structlog"}
OWN_MODULES = ("logging_config.py", "alerting", "ingest", "kibana", "elastic", "report")
SERVICE = """
import logging_config
import sys
from pathlib import Path
from mlmon.logging_config import Model, Service, configure

assert logging_config.OWN == "logging_config.py"
log = configure(Service("shop", version="1.0", environment="test"), path=Path("logs/shop.jsonl"))
log.prediction(
    prediction_id="p-1", model=Model("price", "7"), score=0.7, threshold=0.5, approved=True,
    features={"price": 10.5},
)
print(*sorted(name for name in ("numpy", "pandas", "elasticsearch") if name in sys.modules))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """`pip install mlmon`."""
    return install(wheel, tmp_path_factory.mktemp("light") / "venv")


@pytest.fixture(scope="module")
def pipeline(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """`pip install "mlmon[pipeline]"`."""
    return install(wheel, tmp_path_factory.mktemp("pipeline") / "venv", "pipeline")


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """The folder of a service whose own modules have the names of our packages."""
    for name in OWN_MODULES:
        module = tmp_path / name if name.endswith(".py") else tmp_path / name / "__init__.py"
        module.parent.mkdir(exist_ok=True)
        module.write_text(f'OWN = "{name}"\n')
    (tmp_path / "service.py").write_text(SERVICE)
    return tmp_path


def test_the_wheel_holds_one_package_with_all_its_files(wheel: Path) -> None:
    """`mlmon` is the only top-level name, and no file that Git keeps below it is left out."""
    names = names_in(wheel)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"mlmon"}
    folders = [path.resolve().name for path in (ROOT / "mlmon").iterdir() if path.is_symlink()]
    kept = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if kept.returncode:
        pytest.skip("this tree is no Git repository")
    missing = {f"mlmon/{name}" for name in kept.stdout.splitlines() if (ROOT / name).exists()}
    assert len(missing) > 100
    assert not missing - names


def test_the_log_alone_is_small(light: Installation) -> None:
    """Four distributions, and and only one top-level name of ours."""
    assert light.distributions() == LIGHT
    others = {"orjson", "pythonjsonlogger", "structlog"}
    names = {path.name for path in light.site_packages.iterdir()}
    ours = {name for name in names if not name.endswith((".dist-info", ".pth")) and name[0] != "_"}
    assert ours == others | {"mlmon"}


def test_a_service_with_modules_of_our_names_logs(light: Installation, service: Path) -> None:
    """It imports its own `logging_config` and our log side by side, and a line is written."""
    done = light.run("python", "service.py", folder=service)
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
    lines = (service / "logs" / "shop.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert "p-1" in {event.get("ml.prediction.id") for event in events}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), 'mlmon needs the extra "pipeline": pip install "mlmon[pipeline]"'),
        (
            ("findings", "--since", "7d"),
            'mlmon findings needs the extra "pipeline": pip install "mlmon[pipeline]"',
        ),
        (("demo",), 'mlmon demo needs the extra "demo": pip install "mlmon[demo]"'),
        (
            ("evidently", "sample.parquet"),
            'mlmon evidently needs the extra "evidently": pip install "mlmon[evidently]"',
        ),
    ],
)
def test_a_missing_extra_is_one_line(
    light: Installation, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    """It names the command, the extra and what to type; the exit code is 1."""
    done = light.run("mlmon", *words, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", says + "\n")


def test_the_version_needs_no_extra(light: Installation, tmp_path: Path) -> None:
    """`mlmon --version` answers where only the log is installed."""
    done = light.run("mlmon", "--version", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"mlmon {VERSION}\n")


def test_commands_run_next_to_modules_of_our_names(
    pipeline: Installation, service: Path, cluster: Cluster
) -> None:
    """`python -m mlmon` puts the service's folder first on the path, and works all the same."""
    assert "findings" in pipeline.run("python", "-m", "mlmon", "--help", folder=service).stdout
    found = pipeline.run(
        "python",
        *("-m", "mlmon", "findings"),
        folder=service,
        variables={"MLMON_ELASTICSEARCH_URL": cluster.url, "MLMON_NAMESPACE": "shop_without_logs"},
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert "no such findings" in found.stdout


def test_the_roles_are_read_next_to_modules_of_our_names(
    pipeline: Installation, service: Path
) -> None:
    """What `mlmon setup --roles` and a secure node install lies in the package."""
    code = "from mlmon.elastic.roles import roles; print(*sorted(roles()))"
    done = pipeline.run("python", "-c", code, folder=service)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mlmon_shipper" in done.stdout.split()


def test_pages_that_messages_name_are_installed(pipeline: Installation, tmp_path: Path) -> None:
    """Each analyzer's runbook is a page that `mlmon docs` prints; so is a page in a hint."""
    listed = pipeline.run("mlmon", "docs", folder=tmp_path).stdout.splitlines()
    runbooks = {analyzer.runbook for analyzer in discover()}
    assert runbooks <= {f"docs/{line.split()[0]}.md" for line in listed}
    assert "Shipping" in [line.split(maxsplit=1)[1] for line in listed]
    for name in ("docs/kibana.md", "analyzers/score_shift"):
        page = (ROOT / "docs" / name.removeprefix("docs/")).with_suffix(".md")
        assert pipeline.run("mlmon", "docs", name, folder=tmp_path).stdout == page.read_text()


def test_the_demo_names_its_extra(pipeline: Installation, tmp_path: Path) -> None:
    """The pipeline alone does not run the demo: the reference service is missing."""
    done = pipeline.run("mlmon", "demo", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'mlmon demo needs the extra "demo": pip install "mlmon[demo]"\n'
