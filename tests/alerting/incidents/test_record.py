"""An incident's record and its document say the same."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlmon.alerting.incidents.incident import IncidentStatus
from mlmon.alerting.incidents.record import FIELDS, IncidentRecord
from mlmon.analyzers.base.finding import Severity
from mlmon.elastic.indices.index_tables import INCIDENT_TABLE
from tests.support.incident_records import incident_of

TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis adds the zone
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
TEXTS = st.text("abcä: ", min_size=1, max_size=9)


@given(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(IncidentStatus),
            "severity": st.sampled_from(Severity),
            "start": TIMES,
            "alert_ids": st.lists(TEXTS, min_size=1).map(tuple),
        },
        optional={
            "ended": TIMES,
            "model_name": TEXTS,
            "muted": TEXTS,
            "acknowledged_by": TEXTS,
            "acknowledged_at": TIMES,
            "acknowledged_after_seconds": st.integers(0, 10**9),
        },
    )
)
def test_a_document_is_read_back_as_it_was(known: dict[str, Any]) -> None:
    """Every value survives, absent ones stay absent, and unknown fields are passed over."""
    record = incident_of(**known)
    document = record.to_document()
    assert None not in document.values()
    assert IncidentRecord.from_document(document | {"incident.later": 1}) == record


def test_every_attribute_has_a_mapped_field() -> None:
    """What a record holds is in the index's table, so that it is searchable by its type."""
    assert [field.name for field in fields(IncidentRecord)] == list(FIELDS)
    assert set(FIELDS.values()) == {field.name for field in INCIDENT_TABLE}
