"""The events of models are kept by the hour, as they were logged."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mlmon.analyzers.base.window import DAY, HOUR, Window
from mlmon.analyzers.profiles.kinds.model import ModelEvent, profiles

Events = list[dict[str, Any]]


def test_events_of_models_are_kept(
    start: datetime,
    model_events: Callable[..., Events],
    ship: Callable[[Events], None],
    update: Callable[..., int],
    read: Callable[..., list[Any]],
) -> None:
    """Stored and read again, each event has its action, outcome, version, metrics and error."""
    ship(
        [
            *model_events("evaluate", 5.5, "2", {"roc_auc": 0.81, "f1": 0.5}),
            *model_events("train", 5.5, "2"),
            *model_events("reload", 6.2, None, succeeded=False),
        ]
    )
    day = Window(start, start + DAY)
    assert update("model", day) == 2
    assert update("model", day) == 0
    first, second = read("model", day)
    at = start + timedelta(hours=5.5)
    assert first.events == (
        ModelEvent("train", at, succeeded=True, model="autobid", version="2", service="training"),
        ModelEvent(
            "evaluate",
            at,
            succeeded=True,
            model="autobid",
            version="2",
            evaluation={"f1": 0.5, "roc_auc": 0.81},
            service="training",
        ),
    )
    assert second.window == Window(start + 6 * HOUR, start + 7 * HOUR)
    (failed,) = second.events
    assert (failed.succeeded, failed.model, failed.error) == (False, None, "file cut short")


def test_nested_fields_and_values_that_are_no_numbers(start: datetime) -> None:
    """Events of other shippers nest their fields; what is no finite number is no metric."""
    source = {
        "@timestamp": start.isoformat(),
        "event": {"action": "evaluate", "outcome": "success"},
        "ml": {
            "model": {"name": "autobid", "version": "3"},
            "evaluation": {"roc_auc": 0.7, "note": "good", "f1": None},
        },
    }
    ((event,),) = [profile.events for profile in profiles([source])]
    assert (event.version, event.evaluation) == ("3", {"roc_auc": 0.7})


def test_an_event_without_content(start: datetime) -> None:
    """Without action and outcome it is kept, and counts as no success."""
    ((event,),) = [profile.events for profile in profiles([{"@timestamp": start.isoformat()}])]
    assert event == ModelEvent("unknown", start, succeeded=False)
