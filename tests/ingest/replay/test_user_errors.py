"""What makes a table or a mapping useless is reported before anything is written."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlmon.elastic.errors import UserError
from mlmon.ingest.replay.commands import replay
from mlmon.ingest.replay.mapping import read_mapping

MAPPING = """
[service]
name = "bids"
[model]
name = "autobid"
version = "7"
[time]
start = 2026-01-01T00:00:00Z
interval = "1s"
[prediction]
score = "score"
threshold = 0.5
"""


def run(folder: Path, name: str, table: bytes | None, mapping: str = MAPPING) -> None:
    """Replay a table of this name and content."""
    if table is not None:
        (folder / name).write_bytes(table)
    (folder / "mapping.toml").write_text(mapping)
    replay(folder / name, folder / "mapping.toml", suggest=False, out=folder / "out")


@pytest.mark.parametrize(
    ("name", "table", "message", "hint"),
    [
        ("t.csv", None, "is not a file", "CSV or Parquet"),
        ("t.xlsx", b"PK", "is of an unknown kind", ".parquet"),
        ("t.csv", b"", "cannot be read as CSV", "with a header"),
        ("t.csv", b"score\n", "has no rows", "Name a table that has some"),
        ("t.csv", b"a,b\n1,2\n", "has no column 'score' (prediction.score)", "are: a, b"),
        ("t.csv", b"score;b\n1;2\n", "has no column 'score'", "table.delimiter"),
        ("t.csv", b"score,a,a\n1,2,3\n", "two columns named 'a'", "Rename"),
        ("t.csv", b'score,a\n1,"x\n0.5,y\n', "odd number of quotes", "doubles"),
        ("t.csv", b"score,a\xff\n1,2\n", "header of", "UTF-8"),
        (
            "t.csv",
            b'score,a\n1,"' + b"x\n" * 600_000 + b'"\n',
            "longer than 524,288 bytes",
            "Parquet",
        ),
        ("t.csv.gz", b"score\n0.5\n", "cannot be read as CSV", "Write the table again"),
        ("t.parquet", b"score\n0.5\n", "cannot be read as Parquet", "Write the table again"),
    ],
)
def test_a_useless_table_is_rejected_with_what_to_do(
    tmp_path: Path, name: str, table: bytes | None, message: str, hint: str
) -> None:
    """The error names what is wrong and what to do; no folder of events appears."""
    with pytest.raises(UserError) as caught:
        run(tmp_path, name, table)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[prediction]", "[predictions]", "predictions is an unknown key"),
        ("threshold", "treshold", "prediction.treshold is an unknown key"),
        ('score = "score"\n', "", "prediction.score is missing"),
        ("threshold = 0.5", "", "give threshold or approved"),
        ("threshold = 0.5", "threshold = 1.5", "prediction.threshold"),
        ('interval = "1s"', "", "give either column, or start and interval"),
        ('interval = "1s"', 'interval = "soon"', "'soon' is no duration"),
        ('interval = "1s"', 'interval = "0s"', "'0s' is no duration"),
        ('version = "7"', "", "give either version or version_column"),
        ('name = "bids"', 'name = "a\\nb"', "printable characters"),
        ("[prediction]", '[table]\ndelimiter = "§"\n[prediction]', "table.delimiter"),
        ("[prediction]", '[features]\nnumeric = ["a b", "a.b"]\n[prediction]', "'a_b'"),
        ("[time]", "[time", "is not TOML"),
    ],
)
def test_a_wrong_mapping_is_rejected_at_its_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """The error names the key, and how to get a mapping to begin with."""
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING.replace(old, new))
    with pytest.raises(UserError) as caught:
        read_mapping(path)
    assert message in caught.value.message
    assert "--suggest" in caught.value.hint


def test_a_table_damaged_in_the_middle_leaves_the_former_events(tmp_path: Path) -> None:
    """What fails half way removes its own files and touches none of an earlier run."""
    run(tmp_path, "t.parquet", _parquet(tmp_path))
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    complete = (tmp_path / "t.parquet").read_bytes()
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        run(
            tmp_path,
            "t.parquet",
            complete[: len(complete) // 2] + bytes(64) + complete[len(complete) // 2 :],
        )
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def _parquet(folder: Path) -> bytes:
    path = folder / "made.parquet"
    pq.write_table(pa.table({"score": [n / 50_000 for n in range(50_000)]}), path)
    return path.read_bytes()


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """Where the disk takes no more, the run fails with a hint and no file appears."""
    (tmp_path / "t.csv").write_text("score\n" + "0.5\n" * 20_000)
    (tmp_path / "mapping.toml").write_text(MAPPING)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    command = [sys.executable, "-c", "from mlmon.cli import main; main()", "replay", "t.csv"]
    done = subprocess.run(
        [*command, "--mapping", "mapping.toml"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr
    assert "free the disk" in done.stderr
    assert not list((tmp_path / "replay").iterdir())


def test_a_run_needs_a_mapping_or_asks_for_one(tmp_path: Path) -> None:
    """Wrong usage exits 2 and says which of the two options to give."""
    from typer.testing import CliRunner

    from mlmon.ingest.replay.commands import app

    result = CliRunner().invoke(app, [str(tmp_path / "t.csv")])
    assert result.exit_code == 2
    assert "--suggest" in result.output
