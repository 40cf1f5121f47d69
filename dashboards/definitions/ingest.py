"""Ingest health: do the logs arrive, whole and in time?"""

from __future__ import annotations

from mlmon.dashboards.definitions.searches import REJECTED
from mlmon.dashboards.model.chart import Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import Exists, Not
from mlmon.dashboards.model.dashboard import Dashboard, Documents, Row, Section
from mlmon.dashboards.model.sources import DEAD, LOGS, SHIPPED

SHIPPER = Values("agent.id", "Shipper", 10)
# Without a file, a document of the shipper is about all its files.
WHOLE = Not(Exists("log.file.path"))

EVENTS = Chart(
    "Events by dataset",
    "Does every dataset write as before?",
    LOGS,
    (Measure("Events"),),
    "stacked",
    (Time(), Values("event.dataset", "Dataset", 10)),
)
DROPPED = Chart(
    "Events dropped by the log's queue",
    "Which service logs faster than it can write?",
    LOGS,
    (Measure("Dropped", "sum", "ml.log.dropped"),),
    "bar",
    (Time(), Values("service.name", "Service", 10)),
)
LAG = Chart(
    "Lag",
    "How long do lines wait for their shipper?",
    SHIPPED,
    (Measure("Lag", "max", "ingest.lag.seconds", unit="s"),),
    "line",
    (Time(), SHIPPER),
    WHOLE,
    unit="s",
)
REFUSED = Chart(
    "Rejected lines",
    "Why are lines rejected?",
    DEAD,
    (Measure("Lines"),),
    "stacked",
    (Time(), Values("error.type", "Reason", 8)),
)
SHIPPERS = Chart(
    "Shippers",
    "What has each run of a shipper done?",
    SHIPPED,
    (
        Measure("Read", "max", "ingest.read"),
        Measure("Stored", "max", "ingest.stored"),
        Measure("Stored before", "max", "ingest.duplicate"),
        Measure("Rejected", "max", "ingest.refused"),
        Measure("Sent again", "max", "ingest.retried"),
        Measure("Lost", "max", "ingest.lost.bytes", unit="bytes"),
        Measure("Last report", "max", "@timestamp"),
    ),
    "table",
    (SHIPPER,),
    WHOLE,
)
SERVICES = Chart(
    "Last event of each service",
    "Has anyone fallen silent?",
    LOGS,
    (Measure("Last event", "max", "@timestamp"), Measure("Events")),
    "table",
    (
        Values("service.name", "Service", 20, "lowest"),
        Values("event.dataset", "Dataset", 10, "lowest"),
    ),
)

DASHBOARD = Dashboard(
    "ingest",
    "Ingest health",
    "Do the logs arrive, whole and in time?",
    order=9,
    layers=("ingest",),
    sections=(
        Section(
            "Do the logs arrive?",
            (Row((EVENTS, LAG, REFUSED)), Row((SERVICES,), 9), Row((SHIPPERS,), 6)),
        ),
        Section("What is lost?", (Row((DROPPED,)), Row((Documents(REJECTED.name),), 12))),
    ),
)
