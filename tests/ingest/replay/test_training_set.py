"""A table as a training set: `mlmon baseline create` finds what the events will hold."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from mlmon.analyzers.baselines.training_set import read_baselines
from mlmon.ingest.replay.commands import replay

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
score = "p"
threshold = 0.5
[outcome]
label = "won"
[features]
numeric = ["bid price"]
categorical = ["code", "mobile"]
"""


def test_a_baseline_holds_the_mapped_columns_alone(tmp_path: Path) -> None:
    """Features have the events' names and types, the score is the score, ids and times are none."""
    rows = [
        f"k{n},{n / 100},{n % 2},{n * 1.5},{n % 3},{'' if n % 4 else 'true'}" for n in range(100)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["key,p,won,bid price,code,mobile", *rows]))
    (tmp_path / "m.toml").write_text(MAPPING)
    made = tmp_path / "models" / "7.parquet"
    replay(tmp_path / "t.csv", tmp_path / "m.toml", suggest=False, training_set=made)
    (baseline,) = read_baselines(made, datetime.now(UTC), "autobid", "7")
    assert baseline.rows == 100
    assert set(baseline.numeric) == {"bid_price"}
    assert (baseline.numeric["bid_price"].minimum, baseline.numeric["bid_price"].maximum) == (
        0,
        148.5,
    )
    assert dict(baseline.categorical["code"].counts) == {"0": 34, "1": 33, "2": 33}
    assert baseline.categorical["mobile"].missing == 75
    assert baseline.score
    assert baseline.score.maximum == 0.99
    assert baseline.passed_over == ()
    assert [path.name for path in made.parent.iterdir()] == ["7.parquet"]


def test_columns_named_like_a_secret_are_left_out(tmp_path: Path) -> None:
    """Neither the events nor the training set hold the values of a column `password`."""
    (tmp_path / "t.csv").write_text("p,won,bid price,code,mobile,password\n0.5,1,2.5,a,1,hunter2\n")
    mapping = MAPPING.replace('"mobile"]', '"mobile", "password"]')
    (tmp_path / "m.toml").write_text(mapping)
    made = tmp_path / "models" / "7.parquet"
    out = tmp_path / "out"
    table, columns = tmp_path / "t.csv", tmp_path / "m.toml"
    replay(table, columns, suggest=False, training_set=made)
    replay(table, columns, out=out, suggest=False)
    assert "password" not in pq.read_schema(made).names
    written = "".join(path.read_text() for path in out.iterdir())
    assert '"ml.features.categorical.password":"[redacted]"' in written
    assert "hunter2" not in written
