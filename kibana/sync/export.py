"""Artefacts as files: one to import, and one per body of an API. Reading them back is for the lint.

`saved_objects.ndjson` is what Kibana's Saved Objects page imports; the folders hold what its APIs
take, for those who bring it in by their own means.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlmon.elastic.errors import UserError
from mlmon.elastic.system.atomic_write import output_errors, write_files
from mlmon.kibana.emit.artefact import ARTEFACT_KINDS, Artefact
from mlmon.kibana.sync.remote_objects import as_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

IMPORTED = "saved_objects.ndjson"
_IMPORTED_KINDS = {"data-view", "saved-object"}


def files(artefacts: Iterable[Artefact]) -> dict[str, str]:
    """Return the text of each file by its path below the folder of the export."""
    everything = list(artefacts)
    lines = [
        _line(as_line(artefact)) for artefact in everything if artefact.kind in _IMPORTED_KINDS
    ]
    found = {IMPORTED: "".join(lines)}
    for artefact in everything:
        if artefact.kind != "saved-object":
            text = json.dumps(artefact.body, ensure_ascii=False, indent=2)
            found[f"{folder(artefact.kind)}/{artefact.id}.json"] = text + "\n"
    return found


def folder(kind: str) -> str:
    """Return the name of the folder that a kind's bodies lie in."""
    return kind.replace("-", "_") + ("es" if kind == "watch" else "s")


def write(texts: Mapping[str, str], out: Path) -> None:
    """Write files below a folder, and remove what an earlier export left in its folders.

    Raises:
        UserError: The folder cannot be written.
    """
    with output_errors(out):
        write_files(texts, out)
        for path in _bodies(out):
            if str(path.relative_to(out)) not in texts and path.name.startswith("mlmon-"):
                path.unlink()


def read(out: Path) -> Iterator[Artefact]:
    """Yield the artefacts of an export.

    Raises:
        UserError: There is none, or a file of it is not JSON.
    """
    if not (out / IMPORTED).is_file():
        raise UserError(
            f"{out} is no export: it has no {IMPORTED}",
            "Name a folder that `mlmon kibana export --out` has written.",
        )
    for line in (out / IMPORTED).read_text(encoding="utf-8").splitlines():
        body = _parsed(line, out / IMPORTED)
        if body.get("type") != "index-pattern":
            yield Artefact("saved-object", str(body["id"]), body)
    for kind in ARTEFACT_KINDS:
        for path in sorted((out / folder(kind)).glob("*.json")):
            body = _parsed(path.read_text(encoding="utf-8"), path)
            yield Artefact(kind, path.stem, body)


def _bodies(out: Path) -> Iterator[Path]:
    for kind in ARTEFACT_KINDS:
        yield from (out / folder(kind)).glob("*.json")


def _line(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False) + "\n"


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        body: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}", "Export it again.") from error
    return body
