"""The commands: what they print, and how they end."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from mlmon.analyzers.base.window import HOUR, iso
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.store import BaselineStore
from mlmon.analyzers.commands import app
from mlmon.analyzers.profiles.kinds.job import JobKind
from mlmon.analyzers.run.cycle.state import Lease
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from mlmon.elastic.errors import UserError

Events = list[dict[str, Any]]


@pytest.fixture
def mlmon(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Run a command on the test's cluster and namespace."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    monkeypatch.setenv("MLMON_NAMESPACE", namespace)

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, list(arguments))
        if isinstance(result.exception, UserError):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


def test_from_training_set_to_findings(
    mlmon: Callable[..., Result],
    tmp_path: Path,
    start: datetime,
    rng: Any,
    draw_rows: Callable[..., dict[str, Any]],
    predictions_of: Callable[..., Events],
    ship: Callable[[Events], None],
) -> None:
    """Baseline made, listed and shown; a day judged; its findings listed, as text and as JSON."""
    rows = draw_rows(rng, 5_000)
    rows["ml.prediction.score"] = rows.pop("score")
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({name: pa.array(column) for name, column in rows.items()}), path)
    model = ("--model", "autobid", "--model-version", "1")
    made = json.loads(mlmon("baseline", "create", str(path), *model, "--json").stdout)
    assert made["rows"] == 5_000
    assert made["id"] in mlmon("baseline", "list").stdout
    shown = mlmon("baseline", "show", "autobid", "1").stdout
    assert "country: 3 categories, DE" in shown
    assert "out of fold" not in shown

    def fall(_hour: int, rows: dict[str, Any]) -> None:
        rows["score"][:] = 0.0001

    ship(predictions_of(24, 20, change=fall))
    begin, end = iso(start), iso(start + 24 * HOUR)
    summary = json.loads(mlmon("analyze", "--since", begin, "--until", end, "--json").stdout)
    assert summary["severities"]["critical"] > 0
    assert summary["failures"] == {}
    again = mlmon("analyze", "--since", begin, "--until", end).stdout
    assert "0 created, 0 revised" in again

    lines = mlmon("findings", "--json").stdout.splitlines()
    documents = [json.loads(line) for line in lines]
    found = summary["severities"]["critical"] + summary["severities"]["warning"]
    assert len(documents) == found
    assert {document["finding.metric"] for document in documents} == {"ks.distance"}
    assert "Scores of autobid 1 drifted" in mlmon("findings", "--severity", "critical").stdout
    everything = mlmon("findings", "--severity", "all", "--json").stdout.splitlines()
    assert len(everything) == sum(summary["severities"].values())
    assert "no such findings" in mlmon("findings", "--analyzer", "job_health").stdout
    assert "no such findings" in mlmon("findings", "--since", end).stdout
    assert mlmon("findings", "--as-of", "now", "--json").stdout.splitlines() == lines
    with pytest.raises(UserError, match="Nothing was known at 2026-03-03"):
        mlmon("findings", "--as-of", end)


def test_a_failure_is_an_exit_code(
    mlmon: Callable[..., Result],
    start: datetime,
    predictions_of: Callable[..., list[dict[str, Any]]],
    ship: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A kind of profiles that fails ends the command with 1, after all that could be judged."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("no profiles today")

    monkeypatch.setattr(JobKind, "profile_keys", broken)
    ship(predictions_of(2, 5))
    done = mlmon("analyze", "--since", iso(start), "--until", iso(start + 2 * HOUR), code=1)
    assert "job_health failed: profiles of kind job: ZeroDivisionError" in done.stdout
    assert "no profiles today" in mlmon("findings", "--severity", "all").stdout


def test_a_cycle_is_reported_as_json(
    mlmon: Callable[..., Result], cluster: Cluster, namespace: str
) -> None:
    """What it did, or who else is at it: then the command ends with 1."""
    done = json.loads(mlmon("run", "--once", "--json").stdout)
    assert (done["profiles"], done["findings"], done["failures"]) == (0, 0, {})
    Lease(cluster, namespace, "elsewhere:1:2.0").take(datetime.now(UTC))
    waiting = json.loads(mlmon("run", "--once", "--json", code=1).stdout)
    assert waiting["waits_for"] == "elsewhere:1:2.0"


def test_a_sample_is_written(
    mlmon: Callable[..., Result],
    start: datetime,
    tmp_path: Path,
    predictions_of: Callable[..., Events],
    ship: Callable[..., None],
) -> None:
    """Of a window, again with the same bytes; by --since and --until too."""
    events = predictions_of(3, 20)
    ship([event | {"ml.prediction.id": f"p-{place}"} for place, event in enumerate(events)])
    begin, end = iso(start), iso(start + 2 * HOUR)
    times = (
        ("--window", f"{begin}/{end}"),
        ("--window", f"{begin}/{end}"),
        ("--since", begin, "--until", end),
    )
    files = [tmp_path / f"{place}.parquet" for place in range(len(times))]
    for file, time in zip(files, times, strict=True):
        output = json.loads(
            mlmon("sample", "--out", str(file), *time, "--rows", "30", "--json").stdout
        )
        assert output == {"path": str(file), "rows": 30, "labeled": 0}
    first, *others = [file.read_bytes() for file in files]
    assert others == [first, first]


def test_analyzers_are_listed(mlmon: Callable[..., Result]) -> None:
    """Each with its question and its limits."""
    text = mlmon("analyzers").stdout
    assert "score_shift: Are scores distributed" in text
    assert "http.5xx.rate: warning ≥ 0.02, critical ≥ 0.1" in text
    listed = map(json.loads, mlmon("analyzers", "--json").stdout.splitlines())
    assert {finding["name"] for finding in listed} >= {"score_shift", "job_health"}
    one = json.loads(mlmon("analyzers", "score_shift", "--json").stdout)
    assert one["name"] == "score_shift"
    page = (Path(__file__).parents[2] / one["runbook"]).read_text(encoding="utf-8")
    assert mlmon("analyzers", "score_shift").stdout == page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("analyze", "--analyzer", "nonsense"), "no analyzer nonsense"),
        (("analyze", "--since", "yesterday"), "not a time"),
        (("analyze", "--since", "1d"), "Nothing was logged"),
        (("findings", "--analyzer", "nonsense"), "no analyzer nonsense"),
        (("findings", "--since", "soon"), "not a time"),
        (("findings", "--since", "7d", "--until", "9d"), "no time between --since and --until"),
        (("analyzers", "nonsense"), "no analyzer nonsense"),
        (("sample", "--window", "7d/14d"), "no time in '7d/14d'"),
        (("sample", "--since", "7d", "--until", "9d"), "no time in '7d/9d'"),
        (("sample", "--window", "7d", "--until", "1d"), "given twice"),
        (("sample", "--window", "7d"), "no such predictions"),
        (("baseline", "show", "autobid", "9"), "no baseline for autobid 9"),
    ],
)
def test_what_cannot_be_done(
    mlmon: Callable[..., Result], arguments: tuple[str, ...], says: str
) -> None:
    """Each mistake is an error that names it and says what to do."""
    with pytest.raises(UserError, match=says) as caught:
        mlmon(*arguments)
    assert caught.value.hint


def test_no_baselines_yet(mlmon: Callable[..., Result]) -> None:
    """An empty list names the command that fills it."""
    assert "mlmon baseline create" in mlmon("baseline", "list").stdout


def test_a_baseline_of_an_older_format_is_reported(
    mlmon: Callable[..., Result], cluster: Cluster, namespace: str, baseline: Baseline
) -> None:
    """The others are listed all the same, with what to do about it."""
    store = BaselineStore(cluster, namespace)
    store.write([baseline])
    older = baseline.to_document() | {"ml.model.version": "0", "baseline.format": 3}
    cluster.put([Document(store.index, "older", older)])
    cluster.refresh(store.index)
    output = mlmon("baseline", "list")
    assert baseline.id in output.stdout
    assert "autobid 0 is of format 3" in output.stderr
    assert "mlmon baseline create" in output.stderr
