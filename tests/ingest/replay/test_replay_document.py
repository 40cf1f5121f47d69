"""The page on replaying is true."""

import json
import re
from pathlib import Path

from mlmon.ingest.replay.arrow_tables import BLOCK_BYTES
from mlmon.ingest.replay.commands import replay
from mlmon.ingest.replay.mapping import ColumnMapping

PAGE = (Path(__file__).parents[3] / "docs" / "replay.md").read_text()


def block(kind: str) -> str:
    """Return the page's block of a kind."""
    (found,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_example_replays(tmp_path: Path) -> None:
    """The page's table and mapping give its two predictions and the one outcome."""
    (tmp_path / "bids.csv").write_text(block("csv"))
    (tmp_path / "bids.toml").write_text(block("toml"))
    replay(tmp_path / "bids.csv", tmp_path / "bids.toml", suggest=False, out=tmp_path / "replay")
    predictions, outcomes = (
        [
            json.loads(line)
            for line in (tmp_path / f"replay/bids.{name}.jsonl").read_bytes().splitlines()
        ]
        for name in ("predictions", "outcomes")
    )
    assert [prediction["ml.prediction.decision"] for prediction in predictions] == [
        "approved",
        "rejected",
    ]
    assert predictions[1]["ml.features.missing"] == ["bid_price"]
    assert [outcome["event.created"][:16] for outcome in outcomes] == ["2026-01-01T11:30"]


def test_each_key_of_the_mapping_is_explained() -> None:
    """No part or key of a mapping is left out of the example and its comments."""
    example = block("toml")
    for part, field in ColumnMapping.model_fields.items():
        assert f"[{part}]" in example
        annotation = field.annotation
        kinds = [annotation, *getattr(annotation, "__args__", ())]
        keys = {key for kind in kinds for key in getattr(kind, "model_fields", {})}
        assert keys
        assert not [key for key in keys if not re.search(rf"\b{key}\b", example)]


def test_the_longest_row_is_the_one_stated() -> None:
    """The page's limit of a row is the block that is parsed at a time."""
    assert f"{BLOCK_BYTES // 1024} KiB" in PAGE
