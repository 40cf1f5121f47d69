"""Values of numpy, pandas and torch-like libraries keep their meaning, whatever their unit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlmon.logging_config import EventLog, FeatureSource, Model

Events = Callable[[], list[dict[str, Any]]]
TIME = "2026-01-02T03:04:05"


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_times_of_numpy_are_times(log: EventLog, events: Events, unit: str) -> None:
    """Of a unit finer than a microsecond numpy itself makes a bare integer."""
    moment = np.datetime64(TIME, unit)
    log.app("info", "m", {"one": moment, "many": np.array([moment, moment])})
    log.outcome(prediction_id="p", label=True, created=moment)  # type: ignore[arg-type]
    event, outcome = events()
    assert outcome["event.created"] == f"{TIME}.000000Z"
    assert event["labels"] == {"one": f"{TIME}Z", "many": [f"{TIME}Z"] * 2}


def test_a_time_in_no_year_of_pythons_is_its_text(log: EventLog, events: Events) -> None:
    """Python's `datetime` ends with the year 9999."""
    log.app("info", "m", {"t": np.datetime64("12026-01-02")})
    (event,) = events()
    assert event["labels"] == {"t": "12026-01-02"}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_of_numpy_are_seconds(log: EventLog, events: Events, unit: str) -> None:
    """As those of Python and pandas, in any unit."""
    log.app("info", "m", {"d": np.timedelta64(3, "s").astype(f"m8[{unit}]")})
    (event,) = events()
    assert event["labels"] == {"d": 3.0}


@pytest.mark.parametrize(
    "value", [np.datetime64("NaT"), np.timedelta64("NaT", "ns"), np.ma.masked, pd.NaT, pd.NA]
)
def test_what_is_missing_is_null(log: EventLog, events: Events, value: Any) -> None:
    """Neither the smallest integer nor the zero below a mask; as a feature it is missing."""
    log.app("info", "m", {"v": value})
    log.prediction(
        prediction_id="p", model=Model("m", "1"), score=0.5, approved=True, features={"f": value}
    )
    plain, prediction = events()
    assert plain["labels"] == {"v": None}
    assert prediction["ml.features.missing"] == ["f"]
    assert not any(name.endswith(".f") for name in prediction)


@pytest.mark.parametrize(
    ("value", "field", "written"),
    [
        (np.array(3.5), "numeric", 3.5),
        (np.ma.array(2.5, mask=False), "numeric", 2.5),
        (np.array(True), "categorical", True),  # noqa: FBT003 -- numpy takes no name
        (np.array("DE"), "categorical", "DE"),
        (np.datetime64("2026-01-02T03:04:05", "ns"), "categorical", "2026-01-02T03:04:05Z"),
        (np.timedelta64(5, "m"), "numeric", 300.0),
    ],
)
def test_a_feature_without_dimensions_is_what_it_holds(
    log: EventLog, events: Events, value: Any, field: str, written: object
) -> None:
    """`np.squeeze`, a reduction or a column of a frame give such values."""
    log.prediction(
        prediction_id="p", model=Model("m", "1"), score=0.5, approved=True, features={"f": value}
    )
    (event,) = events()
    assert event[f"ml.features.{field}.f"] == written


def test_the_age_of_a_source_by_a_column_of_times(log: EventLog, events: Events) -> None:
    """`frame["updated_at"].to_numpy()` gives times in nanoseconds; the log's clock stands still."""
    updated = np.datetime64("2023-11-14T20:13:20", "ns")
    log.prediction(
        prediction_id="p", model=Model("m", "1"), score=0.5, approved=True,
        sources={"stats": FeatureSource("fresh", last_updated_at=updated)},  # type: ignore[arg-type]
    )  # fmt: skip
    (event,) = events()
    assert event["ml.feature_source.stats.age_s"] == pytest.approx(7200.123456)
    assert event["ml.feature_source.stats.last_updated_at"] == "2023-11-14T20:13:20.000000Z"
