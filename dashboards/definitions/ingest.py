"""Ingest health: do all logs arrive, and in time?"""

from __future__ import annotations

from mlmon.dashboards.definitions.searches import REJECTED
from mlmon.dashboards.model.chart import Chart, Measure, Time, Values
from mlmon.dashboards.model.condition import Exists, Not
from mlmon.dashboards.model.dashboard import Dashboard, Documents, PanelRow, Section
from mlmon.dashboards.model.sources import DEAD, LOGS, SHIPPED

SHIPPER = Values("agent.id", "Shipper", 10)
# Without a file, a document of the shipper counts all its files.
ALL_FILES = Not(Exists("log.file.path"))

EVENTS = Chart(
    "Events by dataset",
    "Does every dataset log as before?",
    LOGS,
    (Measure("Events"),),
    "stacked",
    (Time(), Values("event.dataset", "Dataset", 10)),
)
DROPPED = Chart(
    "Events dropped by the log queue",
    "Which service logs faster than it can write?",
    LOGS,
    (Measure("Dropped", "sum", "ml.log.dropped"),),
    "bar",
    (Time(), Values("service.name", "Service", 10)),
)
LAG = Chart(
    "Shipping lag",
    "Time that a line waits for its shipper.",
    SHIPPED,
    (Measure("Lag", "max", "ingest.lag.seconds", unit="s"),),
    "line",
    (Time(), SHIPPER),
    ALL_FILES,
    unit="s",
)
REFUSED = Chart(
    "Rejected lines",
    "Lines that were rejected, by reason.",
    DEAD,
    (Measure("Lines"),),
    "stacked",
    (Time(), Values("error.type", "Reason", 8)),
)
SHIPPERS = Chart(
    "Shippers",
    "Counters of each shipper.",
    SHIPPED,
    (
        Measure("Read", "max", "ingest.read"),
        Measure("Stored", "max", "ingest.stored"),
        Measure("Duplicates", "max", "ingest.duplicate"),
        Measure("Rejected", "max", "ingest.refused"),
        Measure("Retries", "max", "ingest.retried"),
        Measure("Lost", "max", "ingest.lost.bytes", unit="bytes"),
        Measure("Latest report", "max", "@timestamp"),
    ),
    "table",
    (SHIPPER,),
    ALL_FILES,
)
SERVICES = Chart(
    "Latest event by service",
    "Has a service stopped logging?",
    LOGS,
    (Measure("Latest event", "max", "@timestamp"), Measure("Events")),
    "table",
    (
        Values("service.name", "Service", 20, "lowest"),
        Values("event.dataset", "Dataset", 10, "lowest"),
    ),
)

DASHBOARD = Dashboard(
    "ingest",
    "Ingest health",
    "Do all logs arrive, and in time?",
    order=10,
    layers=("ingest",),
    sections=(
        Section(
            "Arrival",
            (PanelRow((EVENTS, LAG, REFUSED)), PanelRow((SERVICES,), 9), PanelRow((SHIPPERS,), 6)),
        ),
        Section("Losses", (PanelRow((DROPPED,)), PanelRow((Documents(REJECTED.name),), 12))),
    ),
)
