"""Which modules do I/O or read a clock, and what files may be called.

The order of imports, and who imports Elasticsearch's client, is declared in `[tool.importlinter]`.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "logging_config",
    "elastic",
    "ingest",
    "analyzers",
    "alerting",
    "dashboards",
    "report",
    "kibana",
    "grafana",
    "prometheus",
    "scoreboard",
    "autobid",
)
SHELLS = {
    "clock": (
        "*/commands.py",
        "logging_config/configuration.py",
        "logging_config/emit/*",
        "logging_config/sinks/*",
        "logging_config/sources/stdlib.py",
        "elastic/client/*",
        "elastic/doctor/*",
        "elastic/node/*",
        "ingest/pipeline.py",
        "ingest/progress.py",
        "ingest/shipper.py",
        "ingest/deliver/*",
        "ingest/files/tailer.py",
        "ingest/state/*",
        "mlmon/demo.py",
        "mlmon/frames.py",
        "report/serve/*",
        "scoreboard/run.py",
    ),
    "disk": (
        "*/commands.py",
        "mlmon/demo.py",
        "mlmon/generate.py",
        "logging_config/sinks/*",
        "logging_config/sources/evaluation.py",  # the model's file, whose digest it logs
        "elastic/*",
        "ingest/deliver/dead_letters.py",
        "ingest/files/*",
        "ingest/replay/*",
        "ingest/state/*",
        "analyzers/baselines/training_set.py",
        "analyzers/sample/*",
        "alerting/notify/route.py",  # secrets
        "alerting/notify/judging_file.py",  # what routes know while Elasticsearch is away
        "report/html/page.py",  # its own style sheet and scripts
        "report/html/vega_bundle.py",  # its copy in the cache
        "report/serve/*",
        "kibana/sync/export.py",
        "scoreboard/run.py",  # scores that are kept
        "scoreboard/replay/*",
        "scoreboard/timelines/model_versions.py",  # training sets
    ),
    "network": (
        "elastic/client/*",
        "analyzers/run/cycle/holder.py",  # this host's name
        "alerting/notify/*",
        "report/serve/*",
        "kibana/sync/api.py",
    ),
    "Elasticsearch": (
        "*/commands.py",
        "*/store.py",
        "elastic/*",
        "ingest/shipper.py",
        "analyzers/event_logs/*",
        "analyzers/labels/*",
        "analyzers/compare/*",
        "analyzers/run/*",
        "analyzers/sample/draw.py",
        "analyzers/sample/scheduled.py",
        "alerting/alerts/evaluation.py",
        "alerting/incidents/evaluation.py",
        "alerting/actions/*",
        "analyzers/baselines/accepted_store.py",
        "alerting/notify/outbox.py",
        "alerting/notify/pages.py",
        "alerting/publish.py",
        "dashboards/links/incident_pages.py",
        "report/serve/*",
        "report/stored_incidents.py",
        "report/terminal/*",
        "kibana/sync/remote_objects.py",
        "mlmon/demo.py",
        "mlmon/frames.py",
        "scoreboard/replay/*",
        "scoreboard/run.py",
    ),
}
"""The modules that touch the world, and what of it. All others decide from what they are given, so
that the same input gives the same output again. The reference service plays a service: it is free.
"""
CLOCKS = {
    "datetime": {"now", "utcnow"},
    "date": {"today"},
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep"},
}
FILE_CALLS = {
    *("read_text", "write_text", "read_bytes", "write_bytes", "mkdir", "unlink", "rmdir"),
    *("iterdir", "glob", "rglob", "stat", "is_file", "is_dir", "touch", "fsync", "scandir"),
}
NETWORK_MODULES = {
    *("socket", "httpx", "urllib3", "urllib.request", "http.client", "http.server", "smtplib"),
    *("apprise", "uvicorn"),
}
CLUSTER_MODULES = {"mlmon.elastic.client.cluster", "mlmon.elastic.connect"}


def touched(path: Path) -> Iterator[str]:
    """Yield what of the world a module touches, calls and imports inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            # Also one that is passed on and called elsewhere.
            case ast.Attribute(value=ast.Name(owner), attr=name) if name in CLOCKS.get(owner, ()):
                yield "clock"
            case ast.Call(
                func=ast.Name("open")
                | ast.Attribute(value=ast.Name("os" | "path" | "file"), attr="open")
            ):
                yield "disk"
            case ast.Call(func=ast.Attribute(attr=name)) if name in FILE_CALLS:
                yield "disk"
            case ast.Import(names):
                yield from (kind for alias in names for kind in _imported(alias.name))
            case ast.ImportFrom(module=str(module), level=0):
                yield from _imported(module)
            case _:
                continue


def _imported(module: str) -> Iterator[str]:
    if module in NETWORK_MODULES:
        yield "network"
    if module in CLUSTER_MODULES:
        yield "Elasticsearch"


def test_only_shells_touch_the_world() -> None:
    """What decides reads no clock, no file, no socket and no cluster; each shell still is one."""
    found: dict[str, set[str]] = defaultdict(set)
    folders = [ROOT / package for package in PACKAGES if package != "autobid"]
    # `mlmon/` holds links to them.
    paths = [
        *(ROOT / "mlmon").glob("*.py"),
        *(path for one in folders for path in one.rglob("*.py")),
    ]
    for path in paths:
        for kind in touched(path):
            found[kind].add(path.relative_to(ROOT).as_posix())
    for kind, shells in SHELLS.items():
        outside = {
            name
            for name in found[kind]
            if not any(fnmatchcase(name, pattern) for pattern in shells)
        }
        assert not outside, f"touches {kind}"
        unused = {
            pattern
            for pattern in shells
            if not any(fnmatchcase(name, pattern) for name in found[kind])
        }
        assert not unused, f"touches no {kind}"


def test_names_show_what_a_file_is_for() -> None:
    """No file or folder is a drawer for things without a name."""
    drawers = {"utils", "util", "common", "manager", "helper", "helpers", "misc"}
    paths = [path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*")]
    assert not [path for path in paths if drawers & set(path.with_suffix("").parts)]
