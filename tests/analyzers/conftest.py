"""Baselines, profiles and events with a known answer, made from a seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import (
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.profile_key import ProfileKey, SourceWatermark
from mlmon.analyzers.base.window import HOUR, MINUTE, Window, iso
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.baselines.stored_vectors import store_vectors
from mlmon.analyzers.baselines.summary import LABEL, SCORE, summarise
from mlmon.analyzers.profiles.by_service import OfService
from mlmon.analyzers.profiles.kinds.access import AccessProfile, Endpoint, PathAccess
from mlmon.analyzers.profiles.kinds.embedding import MOST_VECTORS, EmbeddingProfile
from mlmon.analyzers.profiles.kinds.label import (
    FeatureOutcomes,
    LabelProfile,
    Outcomes,
    SegmentOutcomes,
)
from mlmon.analyzers.profiles.kinds.prediction import Categories, PredictionProfile, SourceUse
from mlmon.analyzers.profiles.kinds.segment import SegmentCount, SegmentProfile
from mlmon.analyzers.statistics.buckets import Buckets
from mlmon.analyzers.statistics.labeled_scores import LabeledScores
from tests.support.latency_buckets import bucket_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


START = datetime(2026, 3, 2, tzinfo=UTC)
MODEL = ("autobid", "1")
Rows = dict[str, Any]
Vectors = np.ndarray[Any, np.dtype[np.float64]]
COUNTRIES = ("DE", "FR", "US")
THRESHOLD = 0.3


def draw(rng: np.random.Generator, size: int) -> Rows:
    """Draw a table as in training: prices, ratings of which 5 % are missing, countries, scores."""
    ratings = rng.normal(4.0, 0.5, size)
    return {
        "price": rng.lognormal(3.0, 0.8, size),
        "rating": np.where(rng.random(size) < 0.05, np.nan, ratings),
        "country": rng.choice(COUNTRIES, size, p=(0.5, 0.3, 0.2)).astype(object),
        "score": rng.beta(2.0, 5.0, size),
    }


@pytest.fixture(scope="session")
def start() -> datetime:
    """A Monday, midnight UTC."""
    return START


@pytest.fixture
def rng() -> np.random.Generator:
    """The same chance for each test."""
    return np.random.default_rng(20260302)


@pytest.fixture(scope="session")
def draw_rows() -> Callable[[np.random.Generator, int], Rows]:
    """Draw rows as in training."""
    return draw


@pytest.fixture(scope="session")
def baseline() -> Baseline:
    """The baseline of 20,000 rows as in training; a row succeeds as often as its score says."""
    rows = draw(np.random.default_rng(1), 20_000)
    table = pa.table({SCORE if name == "score" else name: of for name, of in rows.items()})
    known = summarise(table, ["country"])
    # Scores are drawn apart from features; to the model of the sums, a missing rating is success.
    success = pa.array(np.where(np.isnan(rows["rating"]), 1.0, rows["score"]))
    successful = table.set_column(table.column_names.index(SCORE), SCORE, success)
    known["score_sums"] = summarise(successful)["score_sums"]
    vectors = np.random.default_rng(2).normal(size=(600, 4))
    known["embeddings"] = {"text": store_vectors(vectors, 600)}
    scores, labels = rows["score"], np.random.default_rng(2).random(20_000) < rows["score"]
    known["labeled"] = LabeledScores.from_rows(scores, labels, known["score"].edges)
    labeled = table.append_column(LABEL, pa.array(labels))
    known["segments"] = summarise(labeled, ["country"])["segments"]
    return Baseline(
        *MODEL,
        created=START,
        source="training_set.parquet",
        metrics={
            "roc_auc": roc_auc_score(labels, scores),
            "precision": precision_score(labels, scores >= THRESHOLD),
            "recall": recall_score(labels, scores >= THRESHOLD),
            "f1": f1_score(labels, scores >= THRESHOLD),
            "log_loss": log_loss(labels, scores),
            "brier": brier_score_loss(labels, scores),
        },
        **known,
    )


@dataclass(frozen=True)
class Traffic:
    """Predictions of some hours, and what became of those that were bid on.

    Args:
        predictions: Profiles of the predictions.
        labels: Profiles of the labels.
        rows: Scores, countries, what became of each (known or not), and its hour, row by row.
        segments: Profiles of the predictions by country.
    """

    predictions: list[PredictionProfile]
    labels: list[LabelProfile]
    rows: dict[str, Any]
    segments: list[SegmentProfile] = field(default_factory=list)

    def context(self, baseline: Baseline, period: Window) -> AnalysisContext[LabelProfile]:
        """Return it as an analyzer of labels is given it."""
        others = {"prediction": self.predictions, "segment": self.segments}
        return AnalysisContext(period, self.labels, {baseline.model: baseline}, others)


def scores_profile(
    window: Window, scores: Any, baseline: Baseline, model: tuple[str, str]
) -> PredictionProfile:
    """Count predictions by their scores alone."""
    assert baseline.score is not None
    return PredictionProfile(
        ProfileKey("prediction", window, (*model, baseline.id)),
        SourceWatermark(len(scores), window.end),
        service="api",
        rows=len(scores),
        approved=int((scores >= THRESHOLD).sum()),
        threshold=THRESHOLD,
        score=Buckets.from_values(scores, baseline.score.edges),
    )


def label_profile(
    window: Window,
    scores: Any,
    labels: Any,
    baseline: Baseline,
    values: Any = None,
    model: tuple[str, str] = MODEL,
) -> LabelProfile:
    """Count labeled rows the way Elasticsearch does."""
    assert baseline.score is not None
    positive, approved = np.asarray(labels) > 0, np.asarray(scores) >= THRESHOLD
    brought = np.where(positive, np.ones(len(scores)) if values is None else values, 0.0)
    kinds = [
        Outcomes(int(mask.sum()), int(positive[mask].sum()), float(brought[mask].sum()))
        for mask in (approved, ~approved)
    ]
    return LabelProfile(
        ProfileKey("label", window, (*model, baseline.id)),
        SourceWatermark(len(scores), window.end),
        scores=LabeledScores.from_rows(scores, positive, baseline.score.edges),
        approved=kinds[0],
        rejected=kinds[1],
        threshold=THRESHOLD,
        errors="".join("01"[wrong] for wrong in (positive != approved).tolist()),
        service="api",
    )


def labels_by_country(
    scores: Any, labels: Any, countries: Any, baseline: Baseline
) -> dict[str, FeatureOutcomes]:
    """Count labeled rows by country the way Elasticsearch does; other values are no segments."""
    positive, approved = np.asarray(labels) > 0, scores >= THRESHOLD

    def over(rows: Any) -> tuple[int, ...]:
        return Buckets.from_values(scores[rows], baseline.segment_edges).counts

    values = {
        name: SegmentOutcomes(
            int((mine & approved & positive).sum()),
            over(mine & approved),
            over(mine & positive),
            over(mine & ~positive),
        )
        for name in COUNTRIES
        if (mine := countries == name).any()
    }
    return {"country": FeatureOutcomes(int(approved.sum()), values)}


def segment_profile(
    window: Window, scores: Any, countries: Any, baseline: Baseline, model: tuple[str, str] = MODEL
) -> SegmentProfile:
    """Count predictions by country the way Elasticsearch does."""
    counts = {}
    for name in sorted({*countries.tolist()} & {*COUNTRIES}):
        mine = scores[countries == name]
        counted = Buckets.from_values(mine, baseline.segment_edges)
        counts[name] = SegmentCount(len(mine), int((mine >= THRESHOLD).sum()), counted.counts)
    profile_key = ProfileKey("segment", window, (*model, baseline.id))
    return SegmentProfile(
        profile_key, SourceWatermark(len(scores), window.end), 1, {"country": counts}, "api"
    )


@pytest.fixture(scope="session")
def make_label_profile() -> Callable[..., LabelProfile]:
    """Make a profile of labeled rows."""
    return label_profile


def share_known(known: Any, countries: Any) -> Any:
    """Return each row's share of known labels: one for all, or by country."""
    if np.ndim(known) == 0:
        return known
    return np.array([known[COUNTRIES.index(name)] for name in countries])


@pytest.fixture
def traffic(rng: np.random.Generator, baseline: Baseline) -> Callable[..., Traffic]:
    """Make hours of predictions with labels: of all approved, and of a share of the rejected.

    `chance(hour, scores)` is each row's chance of success, by default its score, which
    `change(hour, rows)` may alter with what else there is of an hour: `score`, `country`, `chance`.
    `known(hour)` is the share of the hour's labels that has come (of each row, if it is an array by
    country's place in `COUNTRIES`), and `divided(hour)` whether they say which country they are of.
    """
    countries = np.random.default_rng(7)

    def make(
        hours: int,
        per_hour: int = 100,
        *,
        first: datetime = START,
        chance: Callable[[int, Any], Any] = lambda _hour, scores: scores,
        known: Callable[[int], Any] = lambda _hour: 1.0,
        explored: float = 0.3,
        model: tuple[str, str] = MODEL,
        change: Callable[[int, Rows], None] = lambda _hour, _rows: None,
        divided: Callable[[int], bool] = lambda _hour: True,
    ) -> Traffic:
        made = Traffic([], [], {})
        kept: dict[str, list[Any]] = {"score": [], "label": [], "hour": [], "country": []}
        for hour in range(hours):
            rows = {"score": rng.beta(2.0, 5.0, per_hour)}
            rows["country"] = countries.choice(COUNTRIES, per_hour, p=(0.5, 0.3, 0.2)).astype(
                object
            )
            rows["chance"] = np.array(chance(hour, rows["score"]))
            change(hour, rows)
            scores, where = rows["score"], rows["country"]
            won = (rng.random(per_hour) < rows["chance"]).astype(float)
            bid = (scores >= THRESHOLD) | (rng.random(per_hour) < explored)
            labeled_rows = bid & (rng.random(per_hour) < share_known(known(hour), where))
            window = Window(first + hour * HOUR, first + (hour + 1) * HOUR)
            made.predictions.append(scores_profile(window, scores, baseline, model))
            made.segments.append(segment_profile(window, scores, where, baseline, model))
            if labeled_rows.any():
                value = rng.lognormal(3.0, 0.5, int(labeled_rows.sum()))
                of_hour = label_profile(
                    window, scores[labeled_rows], won[labeled_rows], baseline, value, model
                )
                parts = labels_by_country(
                    scores[labeled_rows], won[labeled_rows], where[labeled_rows], baseline
                )
                made.labels.append(replace(of_hour, segments=parts if divided(hour) else {}))
            for name, of in (("score", scores), ("label", won), ("country", where)):
                kept[name].append(of)
            kept["hour"].append(np.full(per_hour, hour))
        columns = {name: np.concatenate([[], *parts]) for name, parts in kept.items()}
        return replace(made, rows=columns)

    return make


def prediction_profile(
    window: Window,
    rows: Rows,
    baseline: Baseline | None,
    *,
    model: tuple[str, str] = MODEL,
    ages: Iterable[float] = (),
    stale: int = 0,
) -> PredictionProfile:
    """Count rows the way Elasticsearch does."""
    size = len(rows["score"])
    known = set(COUNTRIES)
    countries = Counter(name for name in rows["country"].tolist() if name is not None)
    age_list = list(ages)
    return PredictionProfile(
        ProfileKey("prediction", window, (*model, baseline.id if baseline else "")),
        SourceWatermark(size, window.end),
        service="api",
        rows=size,
        score=Buckets.from_values(rows["score"], baseline.score.edges)
        if baseline and baseline.score
        else None,
        # Elasticsearch counts no missing values: they are what is left of `rows`.
        numeric={
            name: replace(Buckets.from_values(rows[name], of.edges), missing=0)
            for name, of in baseline.numeric.items()
        }
        if baseline
        else {},
        categorical={
            "country": Categories(
                Counter({name: n for name, n in countries.items() if name in known}),
                Counter({name: n for name, n in countries.items() if name not in known}),
            )
        }
        if baseline
        else {},
        sources={
            OfService("api", "stats"): SourceUse(
                Counter({"fresh": size - stale, "stale": stale}),
                len(age_list),
                sum(age_list),
                max(age_list, default=None),
            )
        },
    )


@pytest.fixture(scope="session")
def make_prediction_profile() -> Callable[..., PredictionProfile]:
    """Make a profile of rows."""
    return prediction_profile


@pytest.fixture
def steady_hours(
    rng: np.random.Generator, baseline: Baseline
) -> Callable[..., list[PredictionProfile]]:
    """Make hourly profiles of traffic as in training; `change(hour, rows)` may alter an hour."""

    def make(
        hours: int,
        per_hour: int = 100,
        change: Callable[[int, Rows], None] = lambda _hour, _rows: None,
        **known: Any,
    ) -> list[PredictionProfile]:
        profiles = []
        for hour in range(hours):
            rows = draw(rng, per_hour)
            change(hour, rows)
            window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
            ages = known.get("ages", lambda _hour: 600.0)(hour)
            profiles.append(
                prediction_profile(
                    window,
                    rows,
                    known.get("baseline", baseline),
                    model=known.get("model", MODEL),
                    ages=[ages] * per_hour,
                    stale=known.get("stale", lambda _hour: 0)(hour),
                )
            )
        return profiles

    return make


@pytest.fixture
def embedding_hours() -> Callable[..., list[EmbeddingProfile]]:
    """Make hourly profiles of embeddings as in training; `change(hour, vectors)` gives others."""

    def make(
        hours: int,
        per_hour: int = 20,
        change: Callable[[int, Vectors], Any] = lambda _hour, vectors: vectors,
        model: tuple[str, str] = MODEL,
    ) -> list[EmbeddingProfile]:
        rng = np.random.default_rng(3)
        profiles = []
        for hour in range(hours):
            window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
            vectors = change(hour, rng.normal(size=(per_hour, 4)))
            if len(vectors):
                profile_key = ProfileKey("embedding", window, model)
                fields = {"text": store_vectors(vectors, MOST_VECTORS)}
                known = SourceWatermark(len(vectors), window.end)
                profiles.append(EmbeddingProfile(profile_key, known, fields=fields))
        return profiles

    return make


@pytest.fixture
def segment_hours(rng: np.random.Generator, baseline: Baseline) -> Callable[..., list[Any]]:
    """Make hourly segment profiles; `change(hour, rows)` may alter an hour."""

    def make(
        hours: int,
        per_hour: int = 100,
        change: Callable[[int, Rows], None] = lambda _hour, _rows: None,
    ) -> list[SegmentProfile]:
        profiles = []
        for hour in range(hours):
            rows = draw(rng, per_hour)
            change(hour, rows)
            window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
            profiles.append(segment_profile(window, rows["score"], rows["country"], baseline))
        return profiles

    return make


@pytest.fixture
def access_profiles(rng: np.random.Generator) -> Callable[..., list[AccessProfile]]:
    """Make five-minute profiles: `answer(index)` gives statuses, `scale(index)` slows an answer."""

    def make(
        days: float,
        per_window: int = 10,
        answer: Callable[[int], Mapping[int, int]] = lambda _index: {},
        scale: Callable[[int], float] = lambda _index: 1.0,
        requests: Callable[[int], int] | None = None,
    ) -> list[AccessProfile]:
        profiles = []
        for index in range(int(days * 288)):
            begin = START + index * 5 * MINUTE
            size = requests(index) if requests else int(rng.poisson(per_window))
            bad = dict(answer(index))
            if size == 0:
                continue
            spent = (rng.lognormal(np.log(20e6), 0.4, size) * scale(index)).astype(int)
            path = PathAccess(
                size,
                Counter({200: size - sum(bad.values()), **bad}),
                size,
                float(spent.sum()),
                float((spent.astype(float) ** 2).sum()),
                Counter(bucket_of(int(money)) for money in spent),
                "api",
            )
            profile_key = ProfileKey("access", Window(begin, begin + 5 * MINUTE))
            of = Endpoint("api", "/predict")
            profiles.append(AccessProfile(profile_key, SourceWatermark(size, begin), 1, {of: path}))
        return profiles

    return make


def prediction_event(moment: datetime, values: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the event of one prediction; features that are None or NaN are named as missing."""
    event: dict[str, Any] = {
        "@timestamp": iso(moment),
        "event.dataset": "ml.prediction",
        "event.ingested": iso(moment + timedelta(seconds=2)),
        "service.name": "api",
        "ml.model.name": MODEL[0],
        "ml.model.version": MODEL[1],
        "ml.prediction.score": values["score"],
        "ml.prediction.threshold": THRESHOLD,
        "ml.prediction.decision": "approved" if values["score"] >= THRESHOLD else "rejected",
        "ml.feature_source.stats.status": "fresh",
        "ml.feature_source.stats.age_s": 600.0,
    }
    missing = []
    for name in ("price", "rating", "country"):
        value = values[name]
        if value is None or value != value:  # noqa: PLR0124 - NaN
            missing.append(name)
        else:
            kind = "categorical" if isinstance(value, str) else "numeric"
            event[f"ml.features.{kind}.{name}"] = value
    if missing:
        event["ml.features.missing"] = missing
    return event | more


@pytest.fixture(scope="session")
def make_prediction_event() -> Callable[..., dict[str, Any]]:
    """Make the event of one prediction."""
    return prediction_event


@pytest.fixture
def predictions_of(
    rng: np.random.Generator,
) -> Callable[..., list[dict[str, Any]]]:
    """Make the events of some hours of predictions as in training, evenly spread."""

    def make(
        hours: int,
        per_hour: int,
        *,
        first: datetime = START,
        change: Callable[[int, Rows], None] = lambda _hour, _rows: None,
        **more: Any,
    ) -> list[dict[str, Any]]:
        events = []
        for hour in range(hours):
            rows = draw(rng, per_hour)
            change(hour, rows)
            for index in range(per_hour):
                values = {name: column[index] for name, column in rows.items()}
                values = {
                    name: value if isinstance(value, str) or value is None else float(value)
                    for name, value in values.items()
                }
                moment = first + hour * HOUR + index * HOUR / per_hour
                events.append(prediction_event(moment, values, **more))
        return events

    return make


@pytest.fixture
def accesses_of(rng: np.random.Generator) -> Callable[..., list[dict[str, Any]]]:
    """Make the events of some hours of requests, evenly spread; `status(hour, index)` answers."""

    def make(
        hours: int,
        per_hour: int,
        *,
        first: datetime = START,
        status: Callable[[int, int], int] = lambda _hour, _index: 200,
    ) -> list[dict[str, Any]]:
        return [
            {
                "@timestamp": iso(moment := first + hour * HOUR + index * HOUR / per_hour),
                "event.dataset": "ml.access",
                "event.ingested": iso(moment + timedelta(seconds=2)),
                "service.name": "api",
                "url.path": "/predict",
                "http.response.status_code": status(hour, index),
                "event.duration": int(rng.lognormal(np.log(20e6), 0.4)),
            }
            for hour in range(hours)
            for index in range(per_hour)
        ]

    return make


@pytest.fixture
def runs_of() -> Callable[..., list[dict[str, Any]]]:
    """Make the events of a job's runs: (hours after the start, succeeded, seconds or None)."""

    def make(job: str, runs: Iterable[tuple[float, bool, float | None]]) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        for number, (hours, succeeded, seconds) in enumerate(runs):
            begin = START + timedelta(hours=hours)
            base = {
                "event.dataset": "ml.job",
                "service.name": "scheduler",
                "ml.job.name": job,
                "ml.job.run_id": f"{job}-{number}",
            }
            events.append(
                base
                | {
                    "@timestamp": iso(begin),
                    "event.ingested": iso(begin),
                    "event.action": "started",
                }
            )
            if seconds is not None:
                end = begin + timedelta(seconds=seconds)
                outcome = "success" if succeeded else "failure"
                events.append(
                    base
                    | {
                        "@timestamp": iso(end),
                        "event.ingested": iso(end),
                        "event.action": "ended",
                        "event.outcome": outcome,
                        "event.duration": int(seconds * 1e9),
                    }
                    | ({} if succeeded else {"error.message": "no connection"})
                )
        return events

    return make


@pytest.fixture
def model_events() -> Callable[..., list[dict[str, Any]]]:
    """Make the event of a training, an evaluation or a reload, so many hours after the start."""

    def make(
        action: str,
        hours: float,
        version: str | None = "1",
        evaluation: Mapping[str, float] | None = None,
        *,
        succeeded: bool = True,
    ) -> list[dict[str, Any]]:
        at = START + timedelta(hours=hours)
        event = {
            "@timestamp": iso(at),
            "event.ingested": iso(at + timedelta(seconds=2)),
            "event.dataset": "ml.model",
            "event.action": action,
            "event.outcome": "success" if succeeded else "failure",
            "service.name": "api" if action == "reload" else "training",
        }
        if version is not None:
            event |= {"ml.model.name": MODEL[0], "ml.model.version": version}
        if not succeeded:
            event["error.message"] = "file cut short"
        return [
            event | {f"ml.evaluation.{name}": value for name, value in (evaluation or {}).items()}
        ]

    return make
