"""How long each panel, the overview and the report take over 90 days of findings.

Usage: python -m tests.benchmarks.bench_dashboards [--days 90] [--rounds 5]

On an embedded node of its own lies what that many days leave behind: findings of as many series, as
often, as the demo's scenario has (`CADENCE`), its profiles and alerts, and a thin sample of the
logs and labels that other panels read (`SAMPLED`, a day). Each panel of each dashboard, its
analyzers' included, is asked its questions once to warm up, then so many times; no two questions
are alike, for each round's period ends a second later, so that no cache of answers helps. Exits
with 1 where a limit is missed: by the worst time of a panel, of the overview, or by the report.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from mlmon.analyzers.base.alert_policy import LAYERS
from mlmon.analyzers.base.finding import Finding, Severity
from mlmon.analyzers.base.window import Window, iso
from mlmon.analyzers.checks import discover
from mlmon.dashboards.definitions import dashboards, shown_on
from mlmon.dashboards.model.dashboard import Dashboard, Documents, PanelRow, Section
from mlmon.dashboards.model.finding_chart import finding_charts
from mlmon.dashboards.model.picture import Picture
from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import NEW, Document
from mlmon.elastic.connect import connect
from mlmon.elastic.indices.templates import install
from mlmon.elastic.node.temporary_node import temporary_node
from mlmon.elastic.settings import Settings
from mlmon.elastic.system.progress import show_progress
from mlmon.report.panels.dashboard_view import DashboardScope, dashboard_view
from mlmon.report.serve.pages import Pages
from mlmon.report.serve.server import Server
from tests.benchmarks.bench_index import machine
from tests.support.browser import started_browser
from tests.support.histories import START, all_alerts, rule, spell

NAMESPACE = "bench"
QUERY_MS, OVERVIEW_MS, PAINT_MS, REPORT_MB = 200.0, 1_000.0, 500.0, 5.0
CADENCE = {
    "business_value": (1, 4),
    "completeness": (8, 13),
    "concept_drift": (7, 4),
    "data_quality": (28, 24),
    "embedding_drift": (2, 4),
    "estimated_performance": (5, 4),
    "fallback_rate": (6, 20),
    "feature_drift": (14, 24),
    "feature_statistics": (68, 4),
    "job_health": (12, 11),
    "label_coverage": (6, 4),
    "live_performance": (17, 4),
    "model_reload": (1, 24),
    "offline_metrics": (2, 1),
    "score_attribution": (14, 4),
    "score_shift": (1, 24),
    "service_health": (9, 62),
}
"""Series at a time, and findings of each a day, as counted in the demo's 18 days."""
USUAL = (6, 12)
"""The same for an analyzer that is newer than this count."""
PROFILES = 460
"""A day, as in the demo."""
HOUR = timedelta(hours=1)
BAD_DAYS, UNKNOWN = 0.0085, 0.021
"""Shares of the demo's findings: a series alarms for a whole day, and then not for weeks."""
FEATURES = tuple(f"feature_{number:02}" for number in range(12))
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
Progress = Callable[[str], None]
Event = dict[str, Any]


@dataclass
class Question:
    """A panel, and the milliseconds that all its queries took together in each round."""

    dashboard: str
    panel: str
    documents: int = 0
    times: list[float] = field(default_factory=list)


def main() -> int:
    """Print the tables; return 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    window = Window(end - timedelta(days=given.days), end)
    console = Console(width=110)
    with (
        temporary_node(9280) as settings,
        connect(settings) as cluster,
        show_progress() as progress,
    ):
        stored = fill(cluster, window, progress)
        questions = ask(cluster, window, given.rounds, progress)
        progress("drawing the overview")
        overview = drawn(cluster, window, given.rounds)
        progress("opening the overview in Chromium")
        paint = painted(cluster, window, given.rounds)
        progress("writing the report")
        seconds, size = report(settings, window)
    console.print(
        f"{machine()}; {', '.join(f'{number:,} {name}' for name, number in stored.items())}"
    )
    console.print(every(questions))
    slowest = max(max(question.times) for question in questions)
    limits = [
        ("panel, slowest", slowest, QUERY_MS, "ms"),
        ("overview, whole page, slowest", max(overview), OVERVIEW_MS, "ms"),
        ("overview, first paint in Chromium, slowest", max(paint), PAINT_MS, "ms"),
        (f"report, written in {seconds:.0f} s", size / 1e6, REPORT_MB, "MB"),
    ]
    console.print(summary(f"{given.days} days, {given.rounds} rounds", limits))
    return int(any(measured > limit for _, measured, limit, _ in limits))


def fill(cluster: Cluster, window: Window, progress: Progress) -> dict[str, int]:
    """Store what that many days leave behind; return how many documents of each kind there are."""
    for _ in install(cluster):
        pass
    drawn = random.Random(5)
    kinds = {
        "findings": findings(window, drawn),
        "profiles": profiles(window, drawn),
        "logs and labels": sampled(window, drawn),
    }
    stored = {}
    for name, documents in kinds.items():
        progress(f"storing {name}")
        stored[name] = cluster.put(documents).total
    cluster.refresh("*")
    return stored


def findings(window: Window, drawn: random.Random) -> Iterator[Document]:
    """Yield findings as often as the demo has them, day by day, without asking what is known."""
    for day in range(round(window.length / timedelta(days=1))):
        start = window.start + timedelta(days=day)
        for analyzer in discover():
            series, times = CADENCE.get(analyzer.name, USUAL)
            for number in range(series):
                metric = analyzer.metrics[number % len(analyzer.metrics)].name
                subject = f"{FEATURES[number % len(FEATURES)]}_{number // len(FEATURES)}"
                bad = drawn.random() < BAD_DAYS
                for moment in range(times):
                    end = start + (moment + 1) * timedelta(days=1) / times
                    found = finding(analyzer.name, metric, subject, end, drawn, bad=bad)
                    index = f"mlmon-findings-{NAMESPACE}-{end:%Y.%m}"
                    yield Document(index, found.id, found.to_document())


def finding(
    analyzer: str, metric: str, subject: str, end: datetime, drawn: random.Random, *, bad: bool
) -> Finding:
    """Return one finding."""
    value = drawn.uniform(0.12, 0.3) if bad else drawn.uniform(0, 0.09)
    calm = Severity.UNKNOWN if drawn.random() < UNKNOWN else Severity.OK
    alarm = Severity.CRITICAL if value > 0.2 else Severity.WARNING
    return Finding.of(
        analyzer=analyzer,
        metric=metric,
        subject=subject,
        service="autobid-api",
        model_name="autobid",
        model_version=f"{end:%G.%V}",  # retrained once a week
        start=end - HOUR,
        end=end,
        created=end,
        value=value,
        low=0.9 * value,
        high=1.1 * value,
        baseline_id="baseline0001",
        baseline_value=0.05,
        sample_count=drawn.randrange(1_000),
        completeness=min(1.0, drawn.gauss(0.999, 0.002)),
        warning=0.1,
        critical=0.2,
        severity=alarm if bad else calm,
        reason=f"{metric} of {subject} is {value:.3g}, the limit is 0.1: 812 of 1,000 predictions.",
        runbook=f"docs/analyzers/{analyzer}.md",
    )


def moments(window: Window, number: int) -> Iterator[tuple[int, datetime]]:
    """Yield so many moments a day, evenly."""
    between = timedelta(days=1) / number
    places = range(int(window.length / between))
    yield from ((place, window.start + place * between) for place in places)


def profiles(window: Window, drawn: random.Random) -> Iterator[Document]:
    """Yield profiles as large as those of predictions: the node holds them besides the findings."""
    for number, at in moments(window, PROFILES):
        source = {
            "@timestamp": iso(at + HOUR),
            "event.start": iso(at),
            "event.end": iso(at + HOUR),
            "profile.kind": "predictions",
            "profile.latest": True,
            "profile.count": drawn.randrange(5_000),
            "profile.body": {name: [drawn.randrange(500) for _ in range(20)] for name in FEATURES},
        }
        yield Document(f"mlmon-profiles-{NAMESPACE}-{at:%Y.%m}", f"p{number}", source)


def sampled(window: Window, drawn: random.Random) -> Iterator[Document]:
    """Yield the documents that panels read besides findings."""
    for name, (number, special) in SAMPLED.items():
        for place, at in moments(window, number):
            source = special(place, drawn) | event(name, at, place)
            if name.startswith("mlmon-"):
                suffix = "" if name == "mlmon-alerts" else f"-{at:%Y.%m}"
                yield Document(f"{name}-{NAMESPACE}{suffix}", f"d{place}", source)
            else:
                yield Document(f"logs-{name}-{NAMESPACE}", source["event.id"], source, NEW)


def event(dataset: str, at: datetime, number: int) -> Event:
    """Return what every event holds."""
    return {
        "@timestamp": iso(at),
        "event.start": iso(at),
        "log.level": "error" if number % 200 == 0 else "info",
        "message": "noted",
        "event.id": f"{dataset}-{number}",
        "event.dataset": dataset,
        "service.name": "autobid-api",
        "service.version": "1.4.0" if number % 2 else "1.5.0",
        "ml.model.name": "autobid",
        "ml.model.version": str(1 + number % 3),
        "trace.id": f"{number:032x}",
    }


def prediction(number: int, drawn: random.Random) -> Event:
    """Return a prediction, one in twenty without one of its features."""
    score = drawn.betavariate(2, 5)
    return {
        "ml.prediction.id": f"p{number}",
        "ml.prediction.score": score,
        "ml.prediction.decision": "approved" if score > 0.5 else "rejected",
        "ml.features.missing": [drawn.choice(FEATURES)] if number % 20 == 0 else [],
    }


def request(number: int, drawn: random.Random) -> Event:
    """Return a request, one in a hundred failed."""
    failed = number % 100 == 0
    return {
        "url.path": drawn.choice(("/predict", "/reload", "/health")),
        "http.response.status_code": 503 if failed else 200,
        "event.duration": int(drawn.lognormvariate(17, 0.5)),
    } | ({"error.code": "no_model"} if failed else {})


def label(number: int, drawn: random.Random) -> Event:
    """Return a prediction with its label."""
    return prediction(number, drawn) | {
        "ml.outcome.label": drawn.random() < 0.3,
        "label.wrong": number % 3 == 0,
        "label.delay_hours": drawn.uniform(1, 70),
    }


def job(number: int, drawn: random.Random) -> Event:
    """Return the end of a run, one in forty failed."""
    return {
        "event.action": "ended",
        "event.outcome": "failure" if number % 40 == 0 else "success",
        "event.duration": int(drawn.lognormvariate(26, 0.5)),
        "ml.job.name": f"job_{number % 5}",
        "ml.job.records": drawn.randrange(100_000),
    }


def model(number: int, drawn: random.Random) -> Event:
    """Return an evaluation."""
    return {
        "event.action": ("train", "evaluate", "reload")[number % 3],
        "event.outcome": "success",
        "ml.evaluation.roc_auc": drawn.uniform(0.7, 0.8),
    }


def fallback(number: int, drawn: random.Random) -> Event:
    """Return a fallback."""
    return {
        "ml.feature_source.name": f"source_{number % 3}",
        "ml.feature_source.age_s": drawn.uniform(0, 1e5),
        "event.reason": drawn.choice(("stale", "missing")),
    }


def bid(number: int, drawn: random.Random) -> Event:
    """Return a bid with its outcome."""
    known = {"ml.bid.value": drawn.lognormvariate(2, 1), "ml.bid.approved_by_model": True}
    return known | {"ml.outcome.label": drawn.random() < 0.3, "ml.prediction.id": f"p{number}"}


def alert(number: int, drawn: random.Random) -> Event:
    """Return an alert, one in a hundred open."""
    name = drawn.choice(discover()).name
    letters = ("c" if number % 4 == 0 else "w") + ("" if number % 100 == 0 else "ooo")
    findings = spell(letters, drawn.choice(FEATURES), start=START + number * HOUR, analyzer=name)
    (made,) = all_alerts(rule(1, 1, name=name, layer=drawn.choice(LAYERS)), findings)
    return made.to_document()


def shipping(number: int, drawn: random.Random) -> Event:
    """Return a shipper's account."""
    return {
        "agent.id": "shipper",
        "ingest.read": number,
        "ingest.stored": number,
        "ingest.lag.seconds": drawn.expovariate(1),
    }


def dead_letter(number: int, drawn: random.Random) -> Event:
    """Return a rejected line."""
    return {"error.type": drawn.choice(("not JSON", "no event.id")), "log.offset": number}


SAMPLED: dict[str, tuple[int, Callable[[int, random.Random], Event]]] = {
    "ml.prediction": (1_000, prediction),
    "ml.access": (1_000, request),
    "ml.bid": (300, bid),
    "ml.outcome": (300, bid),
    "ml.fallback": (100, fallback),
    "ml.job": (100, job),
    "ml.model": (6, model),
    "mlmon.shipping": (288, shipping),
    "mlmon.dead_letter": (5, dead_letter),
    "mlmon-labels": (500, label),
    "mlmon-alerts": (10, alert),
}


def pieces() -> Iterator[tuple[Dashboard, str, Any]]:
    """Yield every panel of every dashboard with its title."""
    for dashboard in dashboards():
        for section in dashboard.sections:
            for row in section.rows:
                for shown in row.panels:
                    if isinstance(shown, Documents):
                        title = shown.search
                    else:
                        title = (shown.chart if isinstance(shown, Picture) else shown).title
                    yield dashboard, title, shown
        for analyzer in shown_on(dashboard, discover()):
            for declared in analyzer.metrics:
                for chart in finding_charts(analyzer, declared):
                    yield dashboard, f"{analyzer.name}: {chart.title}", chart


def ask(cluster: Cluster, window: Window, rounds: int, progress: Progress) -> list[Question]:
    """Ask every panel once to warm up, and so many times more."""
    asked = [
        (
            replace(board, sections=(Section("", (PanelRow((panel,)),)),)),
            Question(board.name, title),
        )
        for board, title, panel in pieces()
    ]
    for number in range(rounds + 1):
        progress(f"asking {len(asked)} panels, round {number} of {rounds}")
        later = Window(window.start, window.end + timedelta(seconds=number))
        for only, question in asked:
            watch = Stopwatch(cluster)
            dashboard_view(only, (), DashboardScope(watch.search, NAMESPACE, later))
            question.documents = watch.documents
            if number:
                question.times.append(watch.milliseconds)
    return [question for _, question in asked]


@dataclass
class Stopwatch:
    """Asks the cluster and adds up how long it took, and the documents it looked at."""

    cluster: Cluster
    milliseconds: float = 0.0
    documents: int = 0

    def search(self, index: str, body: Any) -> Any:
        """Send a search."""
        begun = time.perf_counter()
        answer = self.cluster.search(index, body)
        self.milliseconds += (time.perf_counter() - begun) * 1000
        self.documents += answer["hits"]["total"]["value"]
        return answer


def drawn(cluster: Cluster, window: Window, rounds: int) -> list[float]:
    """Return the milliseconds of the whole page: every panel, the controls and the HTML."""
    pages, times = Pages(cluster, NAMESPACE), []
    for number in range(rounds):
        end = window.end + timedelta(minutes=1 + number)
        begun = time.perf_counter()
        page = pages.page("overview", f"since={iso(window.start)}&until={iso(end)}", end)
        times.append((time.perf_counter() - begun) * 1000)
        assert page is not None
        assert "Worst finding" in page
    return times


def painted(cluster: Cluster, window: Window, rounds: int) -> list[float]:
    """Return the milliseconds until Chromium has drawn something, each time in a new profile."""
    times = []
    with Server(cluster, NAMESPACE) as server, started_browser() as browser:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for number in range(rounds):
            end = window.end + timedelta(minutes=31 + number)
            page = browser.new_page()
            page.goto(f"{server.url}overview?since={window.start:%Y-%m-%d}&until={iso(end)}")
            page.wait_for_selector("body[data-pictures=drawn]", state="attached")
            times.append(float(page.evaluate(_FIRST_PAINT)))
            page.close()
        server.shutdown()
    return times


def report(settings: Settings, window: Window) -> tuple[float, int]:
    """Return the seconds that `mlmon report` takes, the interpreter's start included, and bytes."""
    assert settings.elasticsearch_url is not None
    with tempfile.TemporaryDirectory() as folder:
        words = ["report", "--json", "--out", f"{folder}/report.html", "--namespace", NAMESPACE]
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "mlmon", *words, "--since", iso(window.start)],
            env=os.environ | {"MLMON_ELASTICSEARCH_URL": settings.elasticsearch_url},
            stdout=subprocess.PIPE,
            check=True,
        )
        return time.perf_counter() - begun, json.loads(done.stdout)["bytes"]


def every(questions: list[Question]) -> Table:
    """Show every panel, the slowest first."""
    columns = ("dashboard", "panel", "documents", "median, ms", "worst, ms")
    shown = Table(title=f"{len(questions)} panels, the slowest first", box=None)
    for name in columns:
        shown.add_column(name, justify="left" if name in columns[:2] else "right")
    for question in sorted(questions, key=lambda one: -max(one.times)):
        times = (f"{median(question.times):.1f}", f"{max(question.times):.1f}")
        shown.add_row(question.dashboard, question.panel, f"{question.documents:,}", *times)
    return shown


def summary(title: str, limits: list[tuple[str, float, float, str]]) -> Table:
    """Show each measurement with its limit."""
    shown = Table(title=title, box=None)
    for name in ("", "measured", "limit", ""):
        shown.add_column(name, justify="right" if name else "left")
    for name, measured, limit, unit in limits:
        kept = "kept" if measured <= limit else "MISSED"
        shown.add_row(name, f"{measured:.1f} {unit}", f"{limit:,.0f} {unit}", kept)
    return shown


if __name__ == "__main__":
    sys.exit(main())
