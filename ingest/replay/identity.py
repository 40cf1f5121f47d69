"""The id of a replay: of the table's bytes and the mapping, so that it is the same again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from mlmon.ingest.replay.mapping import Mapping

_BLOCK = 1 << 20


def entity_id(path: Path, mapping: Mapping) -> str:
    """Return the id: 64 bits, `replay-0123abcd-4567ef89`.

    Another mapping gives another id, for it makes other events of the same rows, and an id that
    stands for two different events would hide one of them.

    Raises:
        UserError: The table cannot be read, or a quote of a CSV file is left open.
    """
    digest = hashlib.blake2b(mapping.model_dump_json().encode(), digest_size=8)
    quotes = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                quotes += block.count(b'"')
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Check its rights.") from error
    if quotes % 2 and path.suffix.lower() in {".csv", ".tsv"}:
        # pyarrow would take all that follows the open quote for one cell.
        raise UserError(
            f"{path} holds an odd number of quotes: one of them is not closed",
            "Write the table again with a CSV writer, which doubles the quotes in cells.",
        )
    name = digest.hexdigest()
    # Short runs of digits are known to be no secret: the log need not search each event for one.
    return f"replay-{name[:8]}-{name[8:]}"
