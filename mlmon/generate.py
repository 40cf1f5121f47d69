"""Write every generated file of the repository: `make generate` (`--check`: list which are old)."""

import sys
from pathlib import Path

from mlmon.analyzers.checks import discover
from mlmon.analyzers.pages.drift_tests import drift_tests_page
from mlmon.analyzers.pages.page import pages
from mlmon.dashboards.links.target import LinkTarget
from mlmon.grafana.export import export_files
from mlmon.kibana.providers import artefacts
from mlmon.kibana.sync.export import files
from mlmon.logging_config.schema.documentation import fields_page
from mlmon.prometheus.metrics_page import metrics_page
from mlmon.prometheus.rules import rules_file
from mlmon.prometheus.rules_text import rules_text
from mlmon.reference import commands_page, settings_page

FOLDERS = ("docs/analyzers", "docs/reference", "deploy/kibana", "deploy/grafana")
"""Folders that hold generated files only: others in them are left from earlier."""


def generated() -> dict[str, str]:
    """Return the text of each generated file by its path in the repository."""
    texts = {
        "docs/fields.md": fields_page(),
        "docs/drift-tests.md": drift_tests_page(),
        "docs/reference/commands.md": commands_page(),
        "docs/reference/settings.md": settings_page(),
        "docs/reference/metrics.md": metrics_page(),
        "deploy/prometheus/mlmon.rules.yml": rules_text(rules_file(discover())),
    }
    texts |= pages(discover())
    texts |= {
        f"deploy/kibana/{name}": text for name, text in files(artefacts(LinkTarget())).items()
    }
    grafana = export_files(discover(), "default")
    return texts | {f"deploy/grafana/{name}": text for name, text in grafana.items()}


def outdated(root: Path) -> list[str]:
    """Return the generated files that differ, are missing, or are no longer made."""
    texts = generated()
    there = {
        str(path.relative_to(root))
        for folder in FOLDERS
        for path in (root / folder).rglob("*")
        if path.is_file()
    }
    return sorted(
        name
        for name in texts.keys() | there
        if name not in texts
        or not (root / name).is_file()
        or (root / name).read_text(encoding="utf-8") != texts[name]
    )


def write(root: Path) -> list[str]:
    """Write what is outdated and remove what is no longer made; return the paths."""
    texts, changed = generated(), outdated(root)
    for name in changed:
        path = root / name
        if name in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[name], encoding="utf-8")
        else:
            path.unlink()
    return changed


def main(words: list[str]) -> int:
    """Run `python -m mlmon.generate [--check]` at the root of the repository."""
    root = Path.cwd()
    if not (root / "pyproject.toml").is_file():
        sys.stderr.write("Run it at the root of the repository.\n")
        return 1
    if words == ["--check"]:
        old = outdated(root)
        sys.stderr.write("".join(f"{name} is outdated: run `make generate`\n" for name in old))
        return 1 if old else 0
    sys.stdout.write("".join(f"wrote {name}\n" for name in write(root)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
