"""How long panels, searches, the overview and the report take over 90 days of findings.

Usage: python tests/benchmarks/bench_dashboards.py [--days 90] [--findings 1500] [--rounds 3]

On an embedded node of its own lies what that many days leave behind: findings of every metric that
an analyzer draws, profiles, and a sample of the logs and labels that other panels read. Every panel
of every dashboard, its analyzers' included, and every saved search is asked; each figure is the
best of the rounds, so that what else the machine does weighs less. No two questions are alike, for
each round's period ends a second later: no cache of answers helps. Exits with 1 where a limit is
missed.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench_index import machine
from rich.console import Console
from rich.table import Table

from analyzers import discover
from analyzers.finding import Finding, Severity
from analyzers.window import Window, iso
from elastic import node
from elastic.cluster import Cluster, connect
from elastic.documents import NEW, Document
from elastic.folders import cache_folder
from elastic.settings import Settings, load_settings
from elastic.templates import install
from kibana import searches
from kibana.dashboards import dashboards, shown_on
from kibana.drawn.dashboard_view import Asked, dashboard_view
from kibana.model.dashboard import Dashboard, Row, Section
from kibana.model.finding_chart import finding_chart
from kibana.model.saved_search import SavedSearch
from kibana.serving.pages import Pages

NAMESPACE = "bench"
QUERY_MS, OVERVIEW_MS, REPORT_MB = 200.0, 1_000.0, 5.0
PROFILES_A_DAY = 250
PER_FEATURE = 12
FEATURES = tuple(f"feature_{number:02}" for number in range(PER_FEATURE))
PATHS = ("/predict", "/reload", "/health")
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class History:
    """How much there is to read, and until when."""

    end: datetime
    days: int
    findings: int
    predictions: int

    @property
    def start(self) -> datetime:
        """Begin of the first day."""
        return self.end - timedelta(days=self.days)


@dataclass
class Question:
    """One query of one panel or search, and the best of its times in milliseconds."""

    dashboard: str
    panel: str
    hits: int = 0
    best: float = float("inf")


def main() -> int:
    """Print the tables; return 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--findings", type=int, default=1_500, help="a day")
    parser.add_argument("--predictions", type=int, default=1_000, help="a day")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    history = History(end, given.days, given.findings, given.predictions)
    console = Console(width=110)
    with own_node() as settings, connect(settings) as cluster:
        stored = fill(cluster, history)
        window = Window(history.start, history.end)
        console.print(machine())
        console.print(", ".join(f"{count:,} {name}" for name, count in stored.items()))
        questions = ask(cluster, window, given.rounds)
        overview = time_overview(cluster, window, given.rounds)
        seconds, size = time_report(settings, window)
    ordered = sorted(questions, key=lambda each: -each.best)
    console.print(slowest(ordered))
    rows = [
        ("slowest query", f"{ordered[0].best:.0f} ms", f"{QUERY_MS:.0f} ms"),
        ("median query", f"{median(each.best for each in questions):.1f} ms", ""),
        ("queries within 200 ms", share(questions), "100 %"),
        ("overview, whole page", f"{overview:.0f} ms", f"{OVERVIEW_MS:,.0f} ms"),
        ("report, size", f"{size / 1e6:.2f} MB", f"{REPORT_MB:.0f} MB"),
        ("report, time", f"{seconds:.1f} s", ""),
    ]
    console.print(summary(f"{given.days} days, {len(questions)} queries", rows))
    missed = ordered[0].best > QUERY_MS or overview > OVERVIEW_MS or size / 1e6 > REPORT_MB
    return int(missed)


@contextmanager
def own_node() -> Iterator[Settings]:
    """Run a node with a home of its own, deleted afterwards."""
    home = Path(tempfile.mkdtemp(prefix="mlmon-bench-"))
    home.chmod(0o755)  # the node's unprivileged user has to enter it
    settings = Settings(
        home=home, cache=cache_folder(load_settings()), node_port=9280, elasticsearch_url=None
    )
    try:
        found = node.start(settings)
        yield settings.model_copy(update={"elasticsearch_url": found.url})
    finally:
        node.stop(settings)
        shutil.rmtree(home)


def fill(cluster: Cluster, history: History) -> dict[str, int]:
    """Store the history and return how many documents of each kind there are."""
    for _ in install(cluster):
        pass
    drawn = random.Random(5)
    made = {
        "findings": cluster.put(stored(each) for each in findings(history, drawn)).total,
        "profiles": cluster.put(profiles(history, drawn)).total,
        "predictions": cluster.put(predictions(history, drawn)).total,
        "requests": cluster.put(requests(history, drawn)).total,
        "labels": cluster.put(labels(history, drawn)).total,
    }
    cluster.refresh("*")
    return made


def findings(history: History, drawn: random.Random) -> Iterator[Finding]:
    """Yield findings of every metric that is drawn, evenly over time; one in fifty alarms."""
    series = [
        (analyzer.name, panel.metric, subject)
        for analyzer in discover()
        for panel in analyzer.panels
        for subject in FEATURES
    ]
    between = timedelta(days=1) / history.findings
    for number in range(history.days * history.findings):
        analyzer, metric, subject = series[number % len(series)]
        end = history.start + (number + 1) * between
        severity = drawn.choices(list(Severity), [93, 5, 1.5, 0.5])[0]
        yield Finding(
            analyzer=analyzer,
            metric=metric,
            subject=subject,
            service="autobid-api",
            model_name="autobid",
            model_version=str(1 + number * 6 // (history.days * history.findings)),
            start=end - HOUR,
            end=end,
            value=drawn.lognormvariate(-3, 1),
            low=0.0,
            high=0.5,
            baseline_id="baseline0001",
            baseline_value=0.05,
            sample_count=drawn.randrange(1_000),
            completeness=min(1.0, drawn.gauss(0.999, 0.002)),
            warning=0.1,
            critical=0.2,
            severity=severity,
            reason=f"{metric} of {subject} is 0.12, the limit is 0.1: 812 of 1,000 predictions.",
            runbook=f"docs/analyzers/{analyzer}.md",
        )


def stored(finding: Finding) -> Document:
    """Return a finding as its store writes it, without asking what is known already."""
    index = f"mlmon-findings-{NAMESPACE}-{finding.end:%Y.%m}"
    return Document(index, finding.id, finding.to_document())


def moments(history: History, number: int) -> Iterator[tuple[int, datetime]]:
    """Yield so many moments, evenly over the history."""
    between = timedelta(days=history.days) / number
    yield from ((place, history.start + place * between) for place in range(number))


def profiles(history: History, drawn: random.Random) -> Iterator[Document]:
    """Yield profiles as large as those of predictions: none is drawn, but the node holds them."""
    for number, at in moments(history, PROFILES_A_DAY * history.days):
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


def event(dataset: str, at: datetime, number: int) -> dict[str, Any]:
    """Return what every event holds."""
    return {
        "@timestamp": iso(at),
        "log.level": "info",
        "message": "told",
        "event.id": f"{dataset}-{number}",
        "event.dataset": dataset,
        "service.name": "autobid-api",
        "service.version": "1.4.0" if number % 2 else "1.5.0",
        "trace.id": f"{number:032x}",
    }


def predictions(history: History, drawn: random.Random) -> Iterator[Document]:
    """Yield predictions, one in twenty without one of its features."""
    for number, at in moments(history, history.predictions * history.days):
        score = drawn.betavariate(2, 5)
        source = event("ml.prediction", at, number) | {
            "ml.prediction.id": f"p{number}",
            "ml.prediction.score": score,
            "ml.prediction.decision": "approved" if score > 0.5 else "rejected",
            "ml.model.name": "autobid",
            "ml.model.version": str(1 + number % 3),
            "ml.features.missing": [drawn.choice(FEATURES)] if number % 20 == 0 else [],
        }
        yield Document(f"logs-ml.prediction-{NAMESPACE}", source["event.id"], source, NEW)


def requests(history: History, drawn: random.Random) -> Iterator[Document]:
    """Yield requests, one in a hundred with an error."""
    for number, at in moments(history, history.predictions * history.days):
        failed = number % 100 == 0
        source = event("ml.access", at, number) | {
            "url.path": drawn.choice(PATHS),
            "http.response.status_code": 503 if failed else 200,
            "event.duration": int(drawn.lognormvariate(17, 0.5)),
        }
        source |= {"error.code": "no_model"} if failed else {}
        yield Document(f"logs-ml.access-{NAMESPACE}", source["event.id"], source, NEW)


def labels(history: History, drawn: random.Random) -> Iterator[Document]:
    """Yield labels of half of the predictions."""
    for number, at in moments(history, history.predictions * history.days // 2):
        score = drawn.betavariate(2, 5)
        source = {
            "@timestamp": iso(at),
            "service.name": "autobid-api",
            "ml.model.name": "autobid",
            "ml.model.version": str(1 + number % 3),
            "ml.prediction.id": f"p{2 * number}",
            "ml.prediction.score": score,
            "ml.outcome.label": drawn.random() < score,
            "label.wrong": number % 3 == 0,
            "label.delay_hours": drawn.uniform(1, 70),
        }
        yield Document(f"mlmon-labels-{NAMESPACE}-{at:%Y.%m}", f"l{number}", source)


def pieces() -> Iterator[tuple[Dashboard, str, Any]]:
    """Yield every panel of every dashboard with its title."""
    for dashboard in dashboards():
        for section in dashboard.sections:
            for row in section.rows:
                for panel in row.panels:
                    yield dashboard, getattr(panel, "title", getattr(panel, "search", "")), panel
        for analyzer in shown_on(dashboard, discover()):
            for each in analyzer.panels:
                yield dashboard, f"{analyzer.name}: {each.title}", finding_chart(analyzer, each)


def ask(cluster: Cluster, window: Window, rounds: int) -> list[Question]:
    """Ask every panel and every saved search so many times."""
    questions: dict[tuple[str, str, int], Question] = {}
    for number in range(rounds):
        later = Window(window.start, window.end + timedelta(seconds=number))
        for dashboard, title, panel in pieces():
            only = replace(dashboard, sections=(Section("", (Row((panel,)),)),))
            watch = timed(cluster, questions, dashboard.name, title)
            dashboard_view(only, (), Asked(watch, NAMESPACE, later))
        for search in (each for each in vars(searches).values() if isinstance(each, SavedSearch)):
            watch = timed(cluster, questions, "search", search.title)
            watch(search.source.index(NAMESPACE), search.body(later))
    return list(questions.values())


def timed(
    cluster: Cluster, questions: dict[tuple[str, str, int], Question], dashboard: str, panel: str
) -> Callable[[str, Any], Any]:
    """Return what asks the cluster and keeps the time of a panel's queries, in their order."""
    places = iter(range(100))

    def search(index: str, body: Any) -> Any:
        key = (dashboard, panel, next(places))
        kept = questions.setdefault(key, Question(dashboard, panel))
        begun = time.perf_counter()
        answer = cluster.search(index, body)
        kept.best = min(kept.best, (time.perf_counter() - begun) * 1000)
        kept.hits = answer["hits"]["total"]["value"]
        return answer

    return search


def time_overview(cluster: Cluster, window: Window, rounds: int) -> float:
    """Return the best time of the whole page: every panel, the controls and the HTML; ms."""
    pages, best = Pages(cluster, NAMESPACE), float("inf")
    for number in range(rounds):
        end = window.end + timedelta(minutes=1 + number)
        begun = time.perf_counter()
        page = pages.page("overview", f"since={iso(window.start)}&until={iso(end)}", end)
        best = min(best, (time.perf_counter() - begun) * 1000)
        assert page is not None
        assert "Worst finding" in page
    return best


def time_report(settings: Settings, window: Window) -> tuple[float, int]:
    """Return the seconds that `mlmon report` takes, the interpreter's start included, and bytes."""
    assert settings.elasticsearch_url is not None
    with tempfile.TemporaryDirectory() as folder:
        words = ["report", "--json", "--out", f"{folder}/report.html", "--namespace", NAMESPACE]
        known = os.environ | {"MLMON_ELASTICSEARCH_URL": settings.elasticsearch_url}
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "mlmon", *words, "--since", iso(window.start)],
            env=known,
            stdout=subprocess.PIPE,
            check=True,
        )
        taken = time.perf_counter() - begun
    return taken, json.loads(done.stdout)["bytes"]


def share(questions: list[Question]) -> str:
    """Return how many of the queries keep the limit."""
    kept = sum(each.best <= QUERY_MS for each in questions)
    return f"{100 * kept / len(questions):.1f} %"


def slowest(ordered: list[Question]) -> Table:
    """Show the ten slowest queries."""
    shown = Table(title="The slowest queries")
    for column in ("dashboard", "panel", "documents", "best"):
        shown.add_column(column, justify="right" if column in {"documents", "best"} else "left")
    for each in ordered[:10]:
        shown.add_row(each.dashboard, each.panel, f"{each.hits:,}", f"{each.best:.0f} ms")
    return shown


def summary(title: str, rows: list[tuple[str, str, str]]) -> Table:
    """Show what was measured beside its limit."""
    shown = Table(title=title)
    for column in ("", "measured", "limit"):
        shown.add_column(column, justify="right" if column else "left")
    for row in rows:
        shown.add_row(*row)
    return shown


if __name__ == "__main__":
    sys.exit(main())
