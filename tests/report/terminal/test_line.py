"""A line of the terminal is one line, whatever was logged."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlmon.report.terminal.line import line
from tests.support.steering import steering

values = st.one_of(st.text(), st.integers(), st.floats(), st.lists(st.text()), st.none())


@given(st.dictionaries(st.text(), values), st.text(), st.text())
def test_nothing_logged_can_steer_the_terminal(
    event: dict[str, Any], message: str, service: str
) -> None:
    """No control character, escape sequence or line break of an event reaches the terminal."""
    output = line(event | {"message": message, "service.name": service}).plain
    assert not steering(output)
    assert "\n" not in output


def test_what_a_line_shows() -> None:
    """Time, level, service, message and the event's own fields, without the envelope's."""
    output = line(
        {
            "@timestamp": "2026-03-02T10:00:00.123456Z",
            "log.level": "error",
            "service.name": "api",
            "message": "Request",
            "event.id": "x-1",
            "process.entity_id": "x",
            "http.response.status_code": 503,
            "event.duration": 23_400_000,
        }
    ).plain
    assert output == (
        "2026-03-02 10:00:00.123  error     api  Request  http.response.status_code=503  "
        "duration=23.4 ms"
    )


def test_a_feature_that_was_asked_for_is_shown() -> None:
    """Features are left out of a line, but for those that the search names."""
    event = {"ml.features.categorical.country": "de", "ml.features.numeric.price": 7.5}
    assert "country" not in line(event).plain
    assert line(event, ["ml.features.numeric.price"]).plain.endswith(
        "ml.features.numeric.price=7.5"
    )
