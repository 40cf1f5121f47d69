"""The fast check, end to end: from lines to messages, twenty seconds of its clock at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mlmon.alerting.alerts.alert import Ending
from mlmon.alerting.alerts.store import AlertStore
from mlmon.alerting.incidents.store import IncidentStore
from mlmon.alerting.publish import Alerting
from mlmon.analyzers.base.window import DAY, HOUR, MINUTE, Window, floor, iso, parse_time
from mlmon.analyzers.run import engine
from mlmon.analyzers.run.cycle.cycle import run_cycle
from mlmon.analyzers.run.cycle.fast_check import EVERY, FastCheck
from mlmon.analyzers.run.cycle.runner import Runner
from mlmon.analyzers.run.findings_store import FindingStore
from tests.support.receivers import WebhookReceiver, webhook_receiver
from tests.support.shipping_reports import reports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlmon.alerting.alerts.alert import Alert
    from mlmon.elastic.client.cluster import Cluster

pytestmark = pytest.mark.long

NOW = floor(datetime.now(UTC), HOUR) - 2 * HOUR
"""Near the present: what is older than a day when it becomes known is not sent."""
ALLOWED = timedelta(minutes=2)
ARRIVES = timedelta(seconds=4)
Events = list[dict[str, Any]]


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookReceiver]:
    """A route to a webhook receiver, in a configuration file."""
    with webhook_receiver() as receiver:
        config = tmp_path / "mlmon.toml"
        config.write_text(
            f'[alerting.notify.hook]\ntype = "webhook"\nurl = "{receiver.url}"\n', encoding="utf-8"
        )
        monkeypatch.setenv("MLMON_CONFIG", str(config))
        yield receiver


def requests(
    start: datetime, end: datetime, *, every: float = 2.0, status: int = 200, path: str = "/predict"
) -> Events:
    """Return the lines of evenly spread requests, which take four seconds to arrive."""
    number = int((end - start).total_seconds() / every)
    moments = (start + timedelta(seconds=every * place) for place in range(number))
    return [
        {
            "@timestamp": iso(at),
            "event.dataset": "ml.access",
            "event.ingested": iso(at + ARRIVES),
            "service.name": "api",
            "service.environment": "production",
            "url.path": path,
            "http.response.status_code": status,
            "process.entity_id": f"process-{start:%d%H%M%S}",
            "event.sequence": sequence,
        }
        for sequence, at in enumerate(moments, 1)
    ]


def week() -> Events:
    """Return the requests around this time of day on the eight days before."""
    found = requests(NOW - 8 * DAY, NOW - 8 * DAY + MINUTE)
    for day in range(1, 8):
        around = NOW - day * DAY
        found += requests(around - 2.2 * HOUR, around + 2.2 * HOUR)
    return found + requests(NOW - 2.2 * HOUR, NOW)


class Service:
    """Lines that arrive as a clock goes on, and a `mlmon run` that sees them."""

    def __init__(self, cluster: Cluster, namespace: str, ship: Callable[..., None]) -> None:
        self.now = NOW
        self._ship = ship
        self._lines: Events = []
        self.runner = Runner(
            cluster,
            namespace,
            "test",
            lambda: self.now,
            lambda _line: None,
            subscriber=Alerting(),
        )

    def log(self, lines: Events) -> None:
        """Let lines be stored when they arrive."""
        self._lines += lines

    def go_on(
        self, until: datetime, hook: WebhookReceiver | None = None, every: timedelta = EVERY
    ) -> datetime | None:
        """Check every twenty seconds; return when the first message was there."""
        while self.now < until:
            self.now += every
            due = [line for line in self._lines if parse_time(line["event.ingested"]) <= self.now]
            self._lines = [line for line in self._lines if line not in due]
            if due:
                self._ship(due)
            self.runner.check()
            if hook is not None and hook.bodies:
                return self.now
        return None


@pytest.fixture
def service(cluster: Cluster, namespace: str, ship: Callable[..., None]) -> Service:
    """A service and its `mlmon run`."""
    return Service(cluster, namespace, ship)


@pytest.mark.parametrize("status", [500, 503])
def test_total_failure_reaches_people_within_two_minutes(
    status: int,
    service: Service,
    hook: WebhookReceiver,
    ship: Callable[..., None],
    cluster: Cluster,
    namespace: str,
) -> None:
    """One message, two minutes after the first bad line at most, and one when it is over."""
    ship(requests(NOW - HOUR, NOW))
    assert service.runner.once()
    failed = NOW + timedelta(seconds=37)
    service.log(requests(NOW, failed))
    service.log(requests(failed, NOW + 4 * MINUTE, status=status))
    service.log(requests(NOW + 4 * MINUTE, NOW + 12 * MINUTE))
    told = service.go_on(NOW + 4 * MINUTE, hook)
    assert told is not None
    assert told - failed <= ALLOWED
    service.go_on(NOW + 12 * MINUTE, every=2 * MINUTE)
    assert service.runner.once()
    assert [body["kind"] for body in hook.bodies] == ["opened", "resolved"]
    (incident,) = IncidentStore(cluster, namespace).overlapping(NOW)
    assert incident.environment == "production"
    assert incident.severity == "critical"


def test_a_rule_that_drops_outages_holds_for_the_check_too(
    service: Service, hook: WebhookReceiver, ship: Callable[..., None], tmp_path: Path
) -> None:
    """What mlmon.toml leaves out is sent by nobody, not even until the next cycle."""
    with (tmp_path / "mlmon.toml").open("a", encoding="utf-8") as config:
        config.write('[[analyzers.rules]]\nanalyzer = "outage"\nenabled = false\n')
    ship(requests(NOW - HOUR, NOW))
    assert service.runner.once()
    service.log(requests(NOW, NOW + 3 * MINUTE, status=500))
    assert service.go_on(NOW + 3 * MINUTE, hook, every=MINUTE) is None


def test_silence_reaches_people_within_two_minutes(
    service: Service, hook: WebhookReceiver, ship: Callable[..., None]
) -> None:
    """A service with a request every two seconds stops; its last line is two minutes old at most.

    A restart of forty seconds before that is told to nobody.
    """
    ship(week())
    assert service.runner.once()
    stopped = NOW + 5 * MINUTE
    service.log(requests(NOW, NOW + 2 * MINUTE))
    service.log(requests(NOW + 2 * MINUTE + timedelta(seconds=40), stopped))
    assert service.go_on(stopped, hook, every=MINUTE) is None
    told = service.go_on(stopped + 4 * MINUTE, hook)
    assert told is not None
    assert told - stopped <= ALLOWED


@pytest.mark.parametrize(("behind", "told"), [(10.0, True), (90.0, False), (3_600.0, True)])
def test_a_shipper_that_is_behind_is_no_silence(
    behind: float, *, told: bool, service: Service, hook: WebhookReceiver, ship: Callable[..., None]
) -> None:
    """While lines of the pause are on their way nobody is called, and afterwards not either.

    What is a few seconds behind holds nothing up, nor does an old file that is shipped again.
    """
    ship(week())
    assert service.runner.once()
    stopped, end = NOW + MINUTE, NOW + 4 * MINUTE
    late = [line | {"event.ingested": iso(end)} for line in requests(stopped, end)]
    service.log(requests(NOW, stopped))
    service.log(late)
    service.log(requests(end, end + 2 * MINUTE))
    for number in range(8):
        at = stopped + number * timedelta(seconds=30)
        waiting = 900 - number if at < end else 0
        for report in reports(at, ("log", number, waiting, behind)):
            service.log([report | {"event.ingested": iso(at)}])
    assert (service.go_on(end + 2 * MINUTE, hook) is not None) is told


def test_a_silent_service_is_never_called_resolved(
    service: Service,
    hook: WebhookReceiver,
    ship: Callable[..., None],
    cluster: Cluster,
    namespace: str,
) -> None:
    """Two hours and two days after its last line it is open; it ends with lines again.

    Another service goes on, so that the analyzers have something to judge all the time.
    """
    other = {"service.name": "other", "process.entity_id": "other-1"}
    begin, end = NOW - HOUR, NOW + 2 * DAY + HOUR
    ship([line | other for line in requests(begin, end, every=300)])
    ship(week())
    assert service.runner.once()
    service.go_on(NOW + 4 * MINUTE, hook)
    assert [body["kind"] for body in hook.bodies] == ["opened"]
    for later in (2 * HOUR, 2 * DAY):
        service.now = NOW + later
        assert service.runner.once()
        assert [body["kind"] for body in hook.bodies] == ["opened"]
    (alert,) = silences(cluster, namespace)
    assert (alert.ended, alert.onset_start) == (None, NOW - timedelta(seconds=2))
    ship(requests(service.now, service.now + 50 * MINUTE))
    again, service.now = service.now, service.now + 50 * MINUTE
    assert service.runner.once()
    (alert,) = silences(cluster, namespace)
    assert alert.ending is Ending.CALM
    assert alert.ended is not None
    assert again + 5 * MINUTE <= alert.ended <= again + 31 * MINUTE


@pytest.fixture
def dying_job(
    ship: Callable[..., None], runs_of: Callable[..., Events], start: datetime
) -> tuple[Events, datetime]:
    """The lines of a job's run that fails after ten, which are shipped; and when the last is."""
    hours = (NOW - start).total_seconds() / 3_600
    runs = [(hours - 10 + hour + 0.05, hour != 10, 30.0) for hour in range(11)]
    events = runs_of("refresh", runs)
    ship([event for event in events if parse_time(event["@timestamp"]) < NOW])
    failing = [event for event in events if parse_time(event["@timestamp"]) >= NOW]
    failed = max(parse_time(event["@timestamp"]) for event in failing)
    return [event | {"event.ingested": iso(failed + ARRIVES)} for event in failing], failed


def test_a_job_that_died_reaches_people_at_once(
    service: Service, hook: WebhookReceiver, dying_job: tuple[Events, datetime]
) -> None:
    """The failed run's last line is reported with the next check, and once."""
    failing, failed = dying_job
    assert service.runner.once()
    service.log(failing)
    reported = service.go_on(failed + 5 * MINUTE, hook)
    assert reported is not None
    assert reported - failed <= timedelta(seconds=45)
    service.now = NOW + HOUR
    assert service.runner.once()
    assert [body["kind"] for body in hook.bodies] == ["opened"]


def test_faults_at_one_time_are_a_message_each(
    service: Service,
    hook: WebhookReceiver,
    ship: Callable[..., None],
    dying_job: tuple[Events, datetime],
) -> None:
    """One service fails, another falls silent, then a job fails: three messages, each in time."""
    failing = {"service.name": "failing", "url.path": "/failing", "process.entity_id": "f"}
    ship(week())
    ship([line | failing for line in requests(NOW - HOUR, NOW)])
    late, failed = dying_job
    assert service.runner.once()
    bad = requests(NOW, NOW + 8 * MINUTE, status=500)
    service.log([line | failing for line in bad])
    service.log(late)
    service.go_on(failed + ALLOWED)
    sent = {body["title"].split("] ")[1].split(",")[0]: body["kind"] for body in hook.bodies}
    assert sent == {
        "Total failure of /failing": "opened",
        "Silence": "opened",
        "Failed runs of refresh": "opened",
    }


def test_a_job_that_fails_while_a_cycle_runs_does_not_wait_for_it(
    service: Service,
    hook: WebhookReceiver,
    ship: Callable[..., None],
    dying_job: tuple[Events, datetime],
) -> None:
    """A long cycle judges what ended before it began; a check in it, what failed since."""
    failing, bad = dying_job
    assert service.runner.once()
    ship(failing)
    check = FastCheck(service.runner.cluster, service.runner.namespace, Alerting())
    assert check.run(bad + EVERY, since=bad + ARRIVES) is None
    assert check.run(bad + EVERY, since=bad - MINUTE)
    assert [body["kind"] for body in hook.bodies] == ["opened"]


def test_checks_and_cycles_end_in_the_findings_of_one_analysis(
    service: Service, ship: Callable[..., None], cluster: Cluster, namespace: str
) -> None:
    """Twelve minutes with a fault, checked in steps, then by cycles, equal one analysis of all."""
    ship(requests(NOW - HOUR, NOW))
    assert service.runner.once()
    lines = requests(NOW, NOW + MINUTE)
    lines += requests(NOW + MINUTE, NOW + 5 * MINUTE, status=500)
    lines += requests(NOW + 5 * MINUTE, NOW + 15 * MINUTE)
    service.log([*lines])
    service.go_on(NOW + 13 * MINUTE, every=2 * EVERY)
    by_checks = outages(cluster, namespace)
    service.go_on(NOW + 15 * MINUTE)
    run_cycle(cluster, namespace, service.now, NOW)
    by_cycle = outages(cluster, namespace)
    other = f"{namespace}_at_once"
    ship([*requests(NOW - HOUR, NOW), *lines], other)
    engine.analyze(cluster, other, Window(NOW - DAY, service.now), now=service.now)
    assert by_checks
    assert by_checks <= by_cycle
    assert by_cycle == outages(cluster, other)


def silences(cluster: Cluster, namespace: str) -> list[Alert]:
    """Return the alerts about silence."""
    found = AlertStore(cluster, namespace).overlapping(NOW - HOUR)
    return [alert for alert in found if alert.metric == "silence.seconds"]


def outages(cluster: Cluster, namespace: str) -> set[tuple[str, str]]:
    """Return what the findings of outages after the begin say."""
    return {
        (finding.key, finding.content_digest)
        for finding in FindingStore(cluster, namespace).search(analyzer="outage")
        if finding.end > NOW
    }
