"""What documents and messages name exists: commands with their options, files, folders, pages."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from mlmon.cli import EXTRA_OF_COMMAND
from mlmon.commands import app
from tests.support.installations import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    ROOT / "deploy" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
FOLDERS = frozenset(path.name for path in ROOT.iterdir() if path.is_dir())
NAMED = re.compile(r"`([\w.*{},/-]+)(?::[^`]*)?`")
LINKED = re.compile(r"\]\(([^)#: ]+)(?:#[^)]*)?\)")
SOURCES = [
    path
    for link in (ROOT / "mlmon").iterdir()
    if link.is_symlink()
    for path in link.resolve().rglob("*.py")
]
TYPED = {
    ".md": re.compile(r"(?:`|^)mlmon ([a-z][^`\n]*)", re.MULTILINE),
    ".py": re.compile(r"`mlmon ([a-z][^`\n]*)"),
}


@cache
def root_command() -> Any:
    """Return the program's command, built once: pages and messages name it a thousand times."""
    return typer.main.get_command(app)


def mistake(words: list[str]) -> str:
    """Return what is wrong with a command line; empty where nothing is."""
    command = root_command()
    path: list[str] = []
    while words and words[0] in getattr(command, "commands", {}):
        path.append(words[0])
        command = command.commands[words.pop(0)]
    if not path:
        return "no such command"
    children = getattr(command, "commands", {})
    hidden = [child for child in children.values() if child.hidden]
    if children and not hidden and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        return f"{' '.join(path)} has no command {words[0]}"
    command = hidden[0] if hidden else command
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    options = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    unknown = [option for option in options if option not in known | {"--help"}]
    return f"{' '.join(path)} has no {', '.join(unknown)}" if unknown else ""


def mistakes(path: Path) -> list[str]:
    """Return the commands of a file that do not exist, each with what is wrong."""
    found = []
    for text in TYPED[path.suffix].findall(path.read_text(encoding="utf-8")):
        # A comment stands behind three spaces or a hash; f-strings name options elsewhere.
        words = re.split(r"\s{3,}|#|[|;>&]|\{", text)[0].replace("…", " ").split()
        words = [word.strip("()[],.:\"'") if word[:1] != "-" else word for word in words]
        if wrong := mistake([word.rstrip(",.;:)\"'") for word in words]):
            found.append(f"mlmon {text.strip()}: {wrong}")
    return found


def test_mistakes_are_found(tmp_path: Path) -> None:
    """Unknown commands, at any depth, and options are named, in code and within a text."""
    page = tmp_path / "page.md"
    page.write_text(
        "```\nmlmon findings --sinc 7d\n```\nRun `mlmon analyse`, `mlmon alerts config`.\n"
    )
    assert mistakes(page) == [
        "mlmon findings --sinc 7d: findings has no --sinc",
        "mlmon analyse: no such command",
        "mlmon alerts config: alerts has no command config",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_commands_that_exist(page: Path) -> None:
    """The commands that pages show are accepted by the command line."""
    assert not mistakes(page)


def test_messages_name_commands_that_exist() -> None:
    """So is what hints, docstrings and advice in the code name between backticks."""
    assert len(SOURCES) > 300
    assert not {str(path.relative_to(ROOT)): wrong for path in SOURCES if (wrong := mistakes(path))}


def missing(page: Path) -> set[str]:
    """Return the paths of the repository that a page names or links to and that do not exist."""
    text = page.read_text(encoding="utf-8")
    found = {link for link in LINKED.findall(text) if not (page.parent / link).exists()}
    for name in NAMED.findall(text):
        if name.split("/")[0] in FOLDERS and "/" in name:
            found |= {path for path in spread(name) if not list(ROOT.glob(path.strip("/")))}
    return found


def spread(name: str) -> list[str]:
    """Return the paths that a name with braces stands for: `a/{b,c}` is a/b and a/c."""
    head, brace, rest = name.partition("{")
    if not brace:
        return [name]
    inside, _, tail = rest.partition("}")
    return [path for part in inside.split(",") for path in spread(head + part + tail)]


def test_missing_paths_are_found(tmp_path: Path) -> None:
    """A file that was moved is named, in a text, between braces and in a link."""
    page = tmp_path / "page.md"
    page.write_text("`docs/gone.md` `elastic/{client,lost}/` `docs/*.md` [x](nowhere.md#part)")
    assert missing(page) == {"docs/gone.md", "elastic/lost/", "nowhere.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_paths_that_exist(page: Path) -> None:
    """Each file and folder of the repository that a page names is there, and so is each link."""
    assert not missing(page)


def test_the_architecture_names_every_folder_and_decision() -> None:
    """Each folder of a package, each module of the import root and each decision is in the page."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    packages = [link.resolve() for link in (ROOT / "mlmon").iterdir() if link.is_symlink()]
    folders = {
        f"`{path.name}/`"
        for package in packages
        if package.name not in {"docs", "autobid"}
        for path in (package, *package.iterdir())
        if (path / "__init__.py").exists()
    }
    modules = {f"`{path.name}`" for path in (ROOT / "mlmon").glob("[!_]*.py")}
    decisions = {
        f"](docs/decisions/{path.name})" for path in (ROOT / "docs" / "decisions").iterdir()
    }
    assert len(folders) > 30
    assert {name for name in folders | modules | decisions if name not in text} == set()


def test_the_readme_installs_from_the_clone() -> None:
    """Its commands need no package index, name extras that exist, and all commands with their own.

    That the command itself works is proved by the wheel's tests, which install the same extras.
    """
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("\n## Install\n")[2].partition("\n## ")[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    places = re.findall(r'pip install "?([^"\s\[`]+)(?:\[(\w+)\])?', section)
    assert (".", "pipeline") in places
    for place, extra in places:
        assert place == "." or "/" in place, place
        assert not extra or extra in project["optional-dependencies"]
    assert set(EXTRA_OF_COMMAND) <= set(re.findall(r"`(?:mlmon )?(\w+)`", section))
