"""The scenario is repeatable, and its logs hold exactly the incidents of its truth."""

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from scipy.stats import binomtest

from mlmon.autobid.components import API, BIDDER, SCHEDULER, TRAINING
from mlmon.autobid.profile_stats import STALE_AFTER
from mlmon.autobid.routes import PREDICT_PATH, RELOAD_PATH
from mlmon.autobid.scenario import ScenarioSettings
from mlmon.autobid.traffic import NEW_CATEGORY, SHARE_IN_INCIDENT, SLOWER

pytestmark = pytest.mark.long

Event = dict[str, Any]
Emitted = Callable[[str, str], list[Event]]
Within = Callable[[list[Event], str], tuple[list[Event], list[Event]]]


@pytest.fixture(scope="module")
def truth(scenario: Path) -> dict[str, Any]:
    """What `truth.json` says."""
    return dict(json.loads((scenario / "truth.json").read_text()))


@pytest.fixture(scope="module")
def within(truth: dict[str, Any]) -> Within:
    """Split events into those in an incident and those outside of it."""
    bounds = {
        incident["id"]: (moment(incident["start"]), moment(incident["end"]))
        for incident in truth["incidents"]
    }

    def split(events: list[Event], incident: str) -> tuple[list[Event], list[Event]]:
        start, end = bounds[incident]
        inside = [event for event in events if start <= moment(event["@timestamp"]) < end]
        identities = {event["event.id"] for event in inside}
        return inside, [event for event in events if event["event.id"] not in identities]

    return split


def moment(text: str) -> datetime:
    """A time of the log or the truth."""
    return datetime.fromisoformat(text)


def predictions_asked(emitted: Emitted) -> list[Event]:
    """The access events of the prediction's path."""
    return [event for event in emitted(API, "ml.access") if event["url.path"] == PREDICT_PATH]


def share(events: list[Event], field: str, *values: Any) -> float:
    """The share of events whose field has one of some values."""
    return sum(event.get(field) in values for event in events) / len(events)


def is_plausible(events: list[Event], field: str, values: tuple[Any, ...], odds: float) -> bool:
    """Whether so many events may have one of some values by chance of these odds (p > 0.0001)."""
    found = sum(event.get(field) in values for event in events)
    return bool(binomtest(found, len(events), odds).pvalue > 1e-4)


def command(out: Path, settings: ScenarioSettings) -> list[str]:
    """The command line that runs a scenario."""
    options = {
        "--out": out,
        "--end": settings.end.date(),
        "--days": settings.days,
        "--seed": settings.seed,
        "--predictions": settings.predictions,
    }
    words = [str(word) for pair in options.items() for word in pair]
    return [sys.executable, "-m", "mlmon.autobid.scenario", *words]


def test_the_same_seed_gives_the_same_bytes(
    scenario: Path, settings: ScenarioSettings, tmp_path: Path
) -> None:
    """Run again, by the command line and in another process, every log and the truth are equal."""
    finished = subprocess.run(
        command(tmp_path / "again", settings), capture_output=True, text=True, check=True
    )
    assert json.loads(finished.stdout) == json.loads((scenario / "summary.json").read_text())
    for name in (
        "truth.json",
        *(f"logs/{process}.jsonl" for process in (API, BIDDER, SCHEDULER, TRAINING)),
    ):
        assert (tmp_path / "again" / name).read_bytes() == (scenario / name).read_bytes()


def test_the_summary_counts_what_is_there(scenario: Path, settings: ScenarioSettings) -> None:
    """Lines per file and dataset add up to the lines in the logs; enough predictions were made."""
    summary = json.loads((scenario / "summary.json").read_text())
    lines = [
        line for path in scenario.glob("logs/*.jsonl") for line in path.read_bytes().splitlines()
    ]
    datasets = Counter(json.loads(line)["event.dataset"] for line in lines)
    assert summary["lines"] == len(lines) == sum(summary["files"].values())
    assert summary["events"] == datasets
    assert summary["events"]["ml.prediction"] >= settings.predictions
    assert summary["models"] == ["1", "2", "3"]


def test_the_truth_is_as_agreed(truth: dict[str, Any]) -> None:
    """`truth.json` has the agreed form, and times in UTC inside the scenario."""
    assert set(truth) == {"schema", "seed", "start", "end", "incidents"}
    assert truth["schema"] == 1
    for incident in truth["incidents"]:
        assert set(incident) == {"id", "title", "start", "end", "cause", "expect"}
        for expectation in incident["expect"]:
            assert set(expectation) == {"analyzer", "metric", "subject"}
        assert incident["start"].endswith("+00:00")
        assert moment(truth["start"]) < moment(incident["start"])
        assert moment(incident["start"]) < moment(incident["end"]) <= moment(truth["end"])


def test_sequences_have_no_gaps(scenario: Path) -> None:
    """Each process numbers its events from one on, and no event's id is used twice."""
    for path in scenario.glob("logs/*.jsonl"):
        events = [json.loads(line) for line in path.read_bytes().splitlines()]
        counted = Counter(event["process.entity_id"] for event in events)
        for process, count in counted.items():
            numbers = [
                event["event.sequence"] for event in events if event["process.entity_id"] == process
            ]
            assert numbers == list(range(1, count + 1))


def test_logs_are_in_order_of_time(scenario: Path) -> None:
    """Within a tick events are written as they happen; only a tick's last ones may be overtaken."""
    for path in scenario.glob("logs/*.jsonl"):
        latest = None
        for line in path.read_bytes().splitlines():
            at = moment(json.loads(line)["@timestamp"])
            assert latest is None or at >= latest - timedelta(seconds=10)
            latest = at if latest is None else max(at, latest)


def test_bids_and_outcomes_join(emitted: Emitted) -> None:
    """Each bid has its prediction, each outcome its bid, on one trace, hours to days later."""
    predicted = {event["ml.prediction.id"]: event for event in emitted(API, "ml.prediction")}
    bids = {event["ml.prediction.id"]: event for event in emitted(BIDDER, "ml.bid")}
    assert bids.keys() <= predicted.keys()
    for event in bids.values():
        assert event["trace.id"] == predicted[event["ml.prediction.id"]]["trace.id"]
    delays = []
    for event in emitted(BIDDER, "ml.outcome"):
        bid = bids[event["ml.prediction.id"]]
        assert event["trace.id"] == bid["trace.id"]
        delays.append(moment(event["@timestamp"]) - moment(bid["@timestamp"]))
    assert timedelta(hours=1) <= min(delays)
    assert timedelta(days=2) < max(delays) < timedelta(days=6)


def test_approved_bids_succeed_more_often(emitted: Emitted) -> None:
    """The model is worth its place: approved bids succeed more often than explored ones."""
    approved = {
        event["ml.prediction.id"]: event["ml.bid.approved_by_model"]
        for event in emitted(BIDDER, "ml.bid")
    }
    outcomes = emitted(BIDDER, "ml.outcome")
    rates = {
        by_model: fmean(
            outcome["ml.outcome.label"]
            for outcome in outcomes
            if approved[outcome["ml.prediction.id"]] is by_model
        )
        for by_model in (True, False)
    }
    assert rates[True] - rates[False] > 0.2


def test_server_errors_burst(emitted: Emitted, within: Within) -> None:
    """In the burst, 5xx other than 503 are as frequent as declared; outside nearly absent."""
    inside, outside = within(predictions_asked(emitted), "server_errors")
    declared = SHARE_IN_INCIDENT["server_errors"]
    assert is_plausible(inside, "http.response.status_code", (500, 504), declared)
    assert share(outside, "http.response.status_code", 500, 504) < 0.002


def test_bad_input_bursts(emitted: Emitted, within: Within) -> None:
    """In the burst, 400 is as frequent as declared; outside about one in two hundred."""
    inside, outside = within(predictions_asked(emitted), "bad_input")
    declared = SHARE_IN_INCIDENT["bad_input"]
    assert is_plausible(inside, "http.response.status_code", (400,), declared)
    assert share(outside, "http.response.status_code", 400) < 0.01


def test_latency_regresses(emitted: Emitted, within: Within) -> None:
    """In the regression the median answer takes as many times as long as declared."""
    good = [
        event for event in predictions_asked(emitted) if event["http.response.status_code"] == 200
    ]
    inside, outside = (
        sorted(event["event.duration"] for event in part)
        for part in within(good, "latency_regression")
    )
    ratio = inside[len(inside) // 2] / outside[len(outside) // 2]
    assert ratio == pytest.approx(SLOWER, rel=0.15)


def test_no_model_is_loaded_for_a_while(emitted: Emitted, within: Within) -> None:
    """After the failed reload no prediction is answered, by another process; outside all are."""
    inside, outside = within(predictions_asked(emitted), "model_not_loaded")
    assert share(inside, "http.response.status_code", 503, 400) == 1.0
    assert share(inside, "http.response.status_code", 503) > 0.9
    assert share(outside, "http.response.status_code", 503) == 0.0
    failed = [event for event in emitted(API, "ml.model") if event["event.outcome"] == "failure"]
    assert [event["event.action"] for event in failed] == ["reload"]
    assert len({event["process.entity_id"] for event in emitted(API, "ml.access")}) == 2
    reloads = [event for event in emitted(API, "ml.access") if event["url.path"] == RELOAD_PATH]
    assert [reload["http.response.status_code"] for reload in reloads] == [
        200,
        200,
        200,
        503,
        200,
    ] or ([reload["http.response.status_code"] for reload in reloads] == [200, 200, 503, 200, 200])


def test_training_fails_and_recovers(emitted: Emitted, within: Within) -> None:
    """Every training in the incident fails and is retried; the first one after it succeeds."""
    runs = [
        event
        for event in emitted(SCHEDULER, "ml.job")
        if event["ml.job.name"] == "train_model_job" and event["event.action"] == "ended"
    ]
    inside, outside = within(runs, "training_failing")
    assert len(inside) >= 3
    assert share(inside, "event.outcome", "failure") == 1.0
    assert share(inside, "error.type", "ConnectionRefusedError") == 1.0
    assert [event["event.outcome"] for event in outside] == ["success", "success"]


def test_a_model_is_on_the_trace_of_its_training(emitted: Emitted) -> None:
    """Job, training, evaluation and reload of a retrained model share one trace."""
    for version in ("2", "3"):
        [trained] = [
            event
            for event in emitted(TRAINING, "ml.model")
            if event["event.action"] == "train" and event.get("ml.model.version") == version
        ]
        trace = trained["trace.id"]
        on_trace = {
            event["event.action"]
            for event in (
                *emitted(SCHEDULER, "ml.job"),
                *emitted(TRAINING, "ml.model"),
                *emitted(API, "ml.model"),
            )
            if event["trace.id"] == trace
        }
        assert on_trace == {"started", "train", "evaluate", "reload", "ended"}


def test_the_concept_drifts(emitted: Emitted, within: Within) -> None:
    """In the drift approved bids succeed far less often, while scores are as on other days."""
    label = {event["ml.prediction.id"]: event for event in emitted(BIDDER, "ml.outcome")}
    inside, outside = within(emitted(API, "ml.prediction"), "concept_drift")
    rates, scores = [], []
    for part in (inside, outside):
        approved = [event for event in part if event["ml.prediction.decision"] == "approved"]
        known = [
            label[event["ml.prediction.id"]]["ml.outcome.label"]
            for event in approved
            if event["ml.prediction.id"] in label
        ]
        rates.append(fmean(known))
        scores.append(fmean(event["ml.prediction.score"] for event in part))
    assert rates[0] < rates[1] - 0.15
    assert scores[0] == pytest.approx(scores[1], abs=0.04)


def test_hours_become_minutes(emitted: Emitted, within: Within) -> None:
    """Values no hour count has appear only in the shift, and there scores are lower."""
    inside, outside = within(emitted(API, "ml.prediction"), "numeric_shift")
    hours = "ml.features.numeric.hours_since_posted"
    assert sum(event[hours] > 168 for event in inside) / len(inside) > 0.3
    assert max(event[hours] for event in outside) <= 168
    means = [
        sum(event["ml.prediction.score"] for event in part) / len(part)
        for part in (inside, outside)
    ]
    assert means[0] < means[1] - 0.05


def test_a_category_appears(emitted: Emitted, within: Within) -> None:
    """The new category is as frequent as declared in its incident, and unknown outside."""
    inside, outside = within(emitted(API, "ml.prediction"), "new_category")
    field = "ml.features.categorical.job_category"
    declared = SHARE_IN_INCIDENT["new_category"]
    assert is_plausible(inside, field, (NEW_CATEGORY,), declared)
    assert share(outside, field, NEW_CATEGORY) == 0.0


def test_ratings_go_missing(emitted: Emitted, within: Within) -> None:
    """In the incident nearly half of the ratings are missing, outside one in sixteen."""
    inside, outside = (
        sum("client_rating" in event.get("ml.features.missing", ()) for event in part) / len(part)
        for part in within(emitted(API, "ml.prediction"), "missing_values")
    )
    assert inside == pytest.approx(0.45 + 0.55 * 0.06, abs=0.08)
    assert outside == pytest.approx(0.06, abs=0.01)


def test_dead_statistics_go_stale(emitted: Emitted, within: Within, truth: dict[str, Any]) -> None:
    """No refresh runs in the incident; fallbacks for staleness follow once the limit has passed."""
    runs = [
        event
        for event in emitted(SCHEDULER, "ml.job")
        if event["ml.job.name"] == "refresh_profile_stats_job"
    ]
    assert within(runs, "statistics_job_dead")[0] == []
    stale = [event for event in emitted(API, "ml.fallback") if event["event.reason"] == "stale"]
    inside, outside = within(stale, "statistics_job_dead")
    [incident] = [
        incident for incident in truth["incidents"] if incident["id"] == "statistics_job_dead"
    ]
    last_refresh = max(
        moment(run["@timestamp"])
        for run in runs
        if run["event.action"] == "started"
        and moment(run["@timestamp"]) < moment(incident["start"])
    )
    assert len(inside) > 50
    assert min(moment(event["@timestamp"]) for event in inside) > last_refresh + STALE_AFTER
    # The next refresh may be up to an hour away when the job lives again.
    latest = moment(incident["end"]) + timedelta(hours=1)
    assert all(moment(event["@timestamp"]) < latest for event in outside)


def test_refreshes_are_hourly_otherwise(emitted: Emitted, truth: dict[str, Any]) -> None:
    """No refresh is missed outside of the incident, so that a missed run means something."""
    started = [
        moment(event["@timestamp"])
        for event in emitted(SCHEDULER, "ml.job")
        if event["ml.job.name"] == "refresh_profile_stats_job"
        and event["event.action"] == "started"
    ]
    [incident] = [
        incident for incident in truth["incidents"] if incident["id"] == "statistics_job_dead"
    ]
    gaps = [
        (former, latter)
        for former, latter in pairwise(started)
        if latter - former > timedelta(minutes=65)
    ]
    assert len(gaps) == 1
    assert gaps[0][0] < moment(incident["start"]) <= gaps[0][1]


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_no_scenario(stop: signal.Signals, tmp_path: Path) -> None:
    """Killed while it writes, no output appears; ended politely, it tidies up behind itself."""
    end = datetime.fromisoformat("2026-11-22T00:00:00+00:00")
    settings = ScenarioSettings(end, predictions=20_000)
    process = subprocess.Popen(command(tmp_path / "out", settings), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (written := [*tmp_path.glob(".out.partial-*/logs/autobid-api.jsonl")]) or not (
        written[0].stat().st_size
    ):
        assert time.monotonic() < deadline
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.005)
    process.send_signal(stop)
    process.wait(timeout=30)
    assert process.returncode != 0
    assert not (tmp_path / "out").exists()
    if stop == signal.SIGTERM:
        assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--out", "o", "--end", "yesterday"], "--end"),
        (["--out", "o", "--end", "2026-11-22", "--days", "0"], "--days"),
        (["--out", "o"], "--end"),
    ],
)
def test_wrong_usage_is_reported(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that make no sense end with code 2 and the option's name."""
    from mlmon.autobid.scenario import main

    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert re.search(complaint, capsys.readouterr().err)
