"""A message shows what was logged and written, and nothing of it steers or forges a line."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from mlmon.alerting.incidents.incident import ChangeKind, IncidentChange
from mlmon.alerting.notify.alertmanager import payloads
from mlmon.alerting.notify.message import digest_message, message
from mlmon.analyzers.base.finding import Severity
from tests.support.incident_records import OPENED, incident_of
from tests.support.steering import HOSTILE, steering

LABEL = re.compile(r"[A-Z][a-z ]+: ")


@given(st.text(st.characters(), min_size=1), st.sampled_from(ChangeKind))
@example(HOSTILE, ChangeKind.OPENED)
@example("\ud800", ChangeKind.OPENED)
def test_no_text_steers_its_reader(text: str, kind: ChangeKind) -> None:
    """Text, HTML, title, links and the annotations of Alertmanager hold no control character."""
    written = ("title", "summary", "cause_reason", "cause_latest_reason", "confirm", "runbook")
    incident = incident_of(
        **dict.fromkeys(written, text), alerts=3, affected=(text, "x"), acknowledged_by=text
    )
    change = IncidentChange(incident.id, kind, OPENED, Severity.CRITICAL, text, by="ada")
    one = message(change, incident, runbooks="https://h/", links=[(text, f"https://h/{text}")])
    many = digest_message([one, one])
    for found in (one, many):
        assert not steering(found.text + found.html + found.title)
        title, blank, *lines = found.text.removesuffix("\n").split("\n")
        assert title == found.title
        assert blank == ""
        if found is one:
            # Each line is a fact of mlmon's, or goes on below one.
            assert all(line.startswith("  ") or LABEL.match(line) for line in lines[:-2]), lines
    (payload,) = payloads([incident_of(title=text, summary=text)], "prod", OPENED)
    assert not steering("".join(payload["annotations"].values()))


def test_lines_of_a_sentence_are_indented() -> None:
    """An error that looks like a line of the message does not pass for one."""
    text = "it failed:\nResolved: all clear"
    change = IncidentChange("a1", ChangeKind.OPENED, OPENED, Severity.WARNING, text)
    assert "What: it failed:\n  Resolved: all clear\n" in message(change, incident_of()).text
