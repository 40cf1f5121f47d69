"""Imports point backwards along the data's way, and the client has one importer."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "logging_config": set(),
    "elastic": {"logging_config"},
    "ingest": {"logging_config", "elastic"},
    "analyzers": {"logging_config", "elastic"},
    "alerting": {"logging_config", "elastic", "analyzers"},
    "dashboards": {"logging_config", "elastic", "analyzers", "alerting"},
    "report": {"logging_config", "elastic", "analyzers", "alerting", "dashboards"},
    "kibana": {"logging_config", "elastic", "analyzers", "alerting", "dashboards"},
    "autobid": {"logging_config"},
}
PACKAGES = set(MAY_IMPORT)


def imported(path: Path) -> Iterator[str]:
    """Yield the package of each absolute import in a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (package_of(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield package_of(node.module)


def package_of(module: str) -> str:
    """Return a module's package below the import root, else its top-level name."""
    return module.removeprefix("mlmon.").split(".")[0]


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_a_package_imports_only_what_comes_before_it(package: str) -> None:
    """No module of a stage imports a later stage, nor one beside the data's way."""
    allowed = MAY_IMPORT[package] | {package}
    files = list((ROOT / package).rglob("*.py"))
    assert files
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if name in PACKAGES - allowed
    }
    assert not wrong


def test_the_elasticsearch_client_has_one_importer() -> None:
    """Only `elastic` imports the `elasticsearch` client; every other stage talks to a `Cluster`."""
    importers = {
        path.relative_to(ROOT).parts[0]
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if {"elasticsearch", "elastic_transport"} & set(imported(path))
    }
    assert importers == {"elastic"}


def test_nothing_names_what_lies_outside_the_project() -> None:
    """No product file, document or recipe names the folder beside the project."""
    outside = "shared" + "/"
    texts = [
        path
        for pattern in ("*.py", "*.md", "Makefile", "*.toml", "*.yaml", ".ci/run")
        for path in ROOT.rglob(pattern)
        if not {".venv", ".venv-peers", "tests", ".demo"} & set(path.relative_to(ROOT).parts)
    ]
    assert texts
    assert not [path for path in texts if outside in path.read_text(errors="replace")]


def test_names_say_what_a_file_is_for() -> None:
    """No file or folder is a drawer for things without a name."""
    drawers = {"utils", "util", "common", "manager", "helper", "helpers", "misc"}
    paths = [path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*")]
    assert not [path for path in paths if drawers & set(path.with_suffix("").parts)]
