"""Artefacts in a live Kibana, as far as a strict stand-in can show."""

import base64
import json
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mlmon.commands import app
from mlmon.dashboards.links.settings import KibanaSettings, load_kibana_settings
from mlmon.dashboards.links.target import LinkTarget
from mlmon.dashboards.model.sources import SOURCES
from mlmon.elastic.errors import UserError
from mlmon.elastic.exit_codes import ExitCode
from mlmon.kibana.emit.artefact import Artefact
from mlmon.kibana.providers import artefacts
from mlmon.kibana.sync.api import Kibana, KibanaError, open_kibana
from mlmon.kibana.sync.apply import HalfAppliedError, apply, delete
from mlmon.kibana.sync.differences import differences
from mlmon.kibana.sync.plan import SyncChange, SyncStep, fitting, plan
from mlmon.kibana.sync.remote_objects import RemoteObjects, remote_objects
from tests.support.kibana_stand_in import StandIn, serving

pytestmark = pytest.mark.long

TARGET = LinkTarget("production", "ops")
VIEWS = f"{len(SOURCES)} data views"
EVERYTHING = tuple(artefact for artefact in artefacts(TARGET) if artefact.kind != "watch")
CONNECTOR = "1f6b1e0a-4c1d-4b52-9d42-0b5c7a3f1a11"
RULE = {
    "name": "mlmon production: errors",
    "consumer": "stackAlerts",
    "rule_type_id": ".es-query",
    "schedule": {"interval": "1m"},
    "enabled": True,
    "tags": ["mlmon", "production"],
    "params": {
        "searchType": "esQuery",
        "index": ["mlmon-findings-production-*"],
        "timeField": "@timestamp",
        "esQuery": '{"query":{"match_all":{}}}',
        "timeWindowSize": 1,
        "timeWindowUnit": "h",
        "threshold": [0],
        "thresholdComparator": ">",
        "size": 10,
    },
    "actions": [
        {
            "id": CONNECTOR,
            "group": "query matched",
            "params": {"level": "warn", "message": "m"},
            "frequency": {"summary": False, "notify_when": "onActiveAlert", "throttle": None},
        }
    ],
}
ALERTING = (
    Artefact("connector", CONNECTOR, {"name": "mlmon log", "connector_type_id": ".server-log"}),
    Artefact("rule", "mlmon-production-ops-errors", RULE),
)


SMALL = (
    *(
        artefact
        for artefact in EVERYTHING
        if artefact.kind == "data-view"
        or artefact.id.endswith(("-alarms", "-performance", "-concept_drift"))
    ),
    *ALERTING,
)
"""Some of each kind."""
ALL = (*EVERYTHING, *ALERTING)


_CLIENTS: list[Kibana] = []


@pytest.fixture(autouse=True)
def _close_clients() -> Iterator[None]:
    """Close the clients that a test has opened."""
    yield
    while _CLIENTS:
        _CLIENTS.pop().http.close()


def opened(**settings: Any) -> Kibana:
    """Open a Kibana by some settings."""
    _CLIENTS.append(open_kibana(KibanaSettings(**settings)))
    return _CLIENTS[-1]


def quiet(_: str) -> None:
    """Show no progress."""


@pytest.fixture
def stand_in(request: pytest.FixtureRequest) -> StandIn:
    """A Kibana 9.5 that validates by the published schemas, where they are next to the project."""
    errors = request.getfixturevalue("schema_errors")
    return StandIn(schema_errors=errors)


@pytest.fixture
def url(stand_in: StandIn) -> Iterator[str]:
    """The stand-in's address."""
    with serving(stand_in) as address:
        yield address


def reached(url: str, space: str = "ops") -> dict[Any, RemoteObjects]:
    """Return the remote objects of each kind at an address."""
    return dict(remote_objects(opened(url=url, space=space), None))


def planned(url: str, chosen: Any = SMALL, version: Any = (9, 5)) -> list[SyncStep]:
    """Return the plan of some artefacts."""
    return plan(fitting(chosen, version), reached(url), quiet)


def applied(url: str, chosen: Any = SMALL, version: Any = (9, 5)) -> list[SyncStep]:
    """Apply some artefacts; return the steps taken."""
    return apply(planned(url, chosen, version), reached(url), quiet)


@pytest.mark.parametrize("version", ["8.19.0", "9.5.3"])
def test_applying_twice_changes_nothing(stand_in: StandIn, url: str, version: str) -> None:
    """Whatever Kibana adds of its own, an unchanged set plans empty, and nothing is sent."""
    stand_in.version = version
    number = tuple(int(part) for part in version.split("."))
    assert {step.change for step in planned(url, ALL, number)} == {SyncChange.CREATE}
    done = applied(url, ALL, number)
    assert len(done) == len(fitting(ALL, number))
    stand_in.requests.clear()
    steps = planned(url, ALL, number)
    assert [step.differences for step in steps if step.differences] == []
    assert apply(steps, reached(url), quiet) == []
    assert not [request for request in stand_in.requests if request.startswith("PUT")]
    assert not [request for request in stand_in.requests if "_import" in request]


def test_an_older_kibana_gets_saved_objects(stand_in: StandIn, url: str) -> None:
    """Without a Dashboards API every dashboard is imported, and the API is not asked."""
    stand_in.version = "8.19.0"
    applied(url, ALL, (8, 19))
    assert not [request for request in stand_in.requests if "/api/dashboards/" in request]
    kinds = [kind for _, kind, _ in stand_in.objects]
    assert kinds.count("dashboard") == 10


def test_a_newer_kibana_gets_bodies_but_for_vega(stand_in: StandIn, url: str) -> None:
    """The API draws no Vega: the dashboards that have a picture are imported whole."""
    applied(url, ALL)
    put = {request.rpartition("/")[2] for request in stand_in.requests if request.startswith("PUT")}
    dashboards = {id_ for _, kind, id_ in stand_in.objects if kind == "dashboard"}
    assert dashboards - put == {
        f"mlmon-production-ops-{name}" for name in ("drift", "overview", "retraining")
    }


def test_everything_goes_into_the_space(stand_in: StandIn, url: str) -> None:
    """Nothing lands in another space, and no path is without it."""
    applied(url)
    assert {space for space, *_ in (*stand_in.objects, *stand_in.things)} == {"ops"}
    assert all(request.split()[1].startswith("/s/ops/api/") for request in stand_in.requests)


def test_a_changed_thing_is_named_with_its_difference(stand_in: StandIn, url: str) -> None:
    """What someone changed in Kibana is planned to be changed back: exactly that."""
    applied(url)
    key = ("ops", "alerting/rule", "mlmon-production-ops-errors")
    stand_in.things[key]["schedule"]["interval"] = "5m"
    data = stand_in.bodies["ops", "mlmon-production-ops-performance"]
    del data["panels"][4]
    search = stand_in.objects["ops", "search", "mlmon-production-ops-alarms"]
    search["attributes"]["columns"].append("finding.value")
    changes = {step.artefact.id: step for step in planned(url) if step.change != SyncChange.KEEP}
    assert {id_: step.change for id_, step in changes.items()} == {
        key[2]: SyncChange.UPDATE,
        "mlmon-production-ops-performance": SyncChange.UPDATE,
        "mlmon-production-ops-alarms": SyncChange.UPDATE,
    }
    assert changes[key[2]].differences == ('/schedule/interval: "5m" → "1m"',)
    applied(url)
    assert {step.change for step in planned(url)} == {SyncChange.KEEP}


def test_a_filter_added_by_hand_is_a_change(stand_in: StandIn, url: str) -> None:
    """What changes what is asked is no default, though we do not say it."""
    applied(url)
    data = stand_in.bodies["ops", "mlmon-production-ops-performance"]
    data["filters"] = [{"type": "condition"}]
    (change,) = [step for step in planned(url) if step.change != SyncChange.KEEP]
    assert change.differences[0].startswith("/filters: ")


def test_a_rule_that_was_switched_off_stays_off(stand_in: StandIn, url: str) -> None:
    """Whether a rule runs is for people to say once it is there."""
    applied(url)
    key = ("ops", "alerting/rule", "mlmon-production-ops-errors")
    stand_in.things[key]["enabled"] = False
    assert {step.change for step in planned(url)} == {SyncChange.KEEP}
    stand_in.things[key]["name"] = "x"
    applied(url)
    assert stand_in.things[key]["enabled"] is False


@pytest.mark.parametrize("kind", ["dashboard", "search", "data-view", "rule"])
def test_what_someone_else_made_is_not_touched(stand_in: StandIn, url: str, kind: str) -> None:
    """An object of the same id without our mark is an error that names it, before any write."""
    if kind == "rule":
        foreign: Any = {**RULE, "tags": [], "name": "Mine"}
        stand_in.things["ops", "alerting/rule", "mlmon-production-ops-errors"] = foreign
        name = "rule mlmon-production-ops-errors"
    else:
        own = {"data-view": "findings", "search": "alarms", "dashboard": "performance"}[kind]
        name = f"{kind} mlmon-production-ops-{own}"
        stored = kind.replace("data-view", "index-pattern")
        foreign = {"type": stored, "id": name.split()[1], "references": []}
        foreign["attributes"] = {"title": "Mine", "description": "Made by hand"}
        stand_in.objects["ops", stored, name.split()[1]] = foreign
    before = json.dumps([*stand_in.objects.values(), *stand_in.things.values()])
    with pytest.raises(UserError, match=f"mlmon did not make them: {name}"):
        applied(url)
    assert json.dumps([*stand_in.objects.values(), *stand_in.things.values()]) == before
    chosen = fitting(SMALL, (9, 5))
    assert list(delete(chosen, planned(url), reached(url))) == []


@pytest.mark.parametrize(
    ("failing", "done", "not_begun"),
    [
        ("POST .*_import", "done before: nothing", "2 dashboards, 1 connector, 1 rule"),
        (
            "PUT .*dashboards/.*-performance",
            f"{len(SOURCES)} data views, 1 search, 1 dashboard;",
            "1 connector",
        ),
        ("POST .*actions/connector", "2 dashboards", "not begun: 1 rule"),
        ("POST .*alerting/rule", "1 connector", "not begun: nothing"),
    ],
)
def test_a_failure_midway_shows_which_half_is_done(
    stand_in: StandIn, url: str, failing: str, done: str, not_begun: str
) -> None:
    """The message counts what was written and what was not; the next run goes on from there."""
    stand_in.failing = [failing]
    with pytest.raises(HalfAppliedError) as caught:
        applied(url)
    assert "answered 500" in caught.value.message
    assert done in caught.value.message
    assert not_begun in caught.value.message
    stand_in.failing = []
    applied(url)
    assert {step.change for step in planned(url)} == {SyncChange.KEEP}


def test_an_import_that_is_refused_in_part_is_named(stand_in: StandIn, url: str) -> None:
    """Kibana imports what it can: what it could not is in the message."""
    chosen = [artefact for artefact in EVERYTHING if not artefact.id.endswith("-access")]
    with pytest.raises(HalfAppliedError, match=r"search mlmon-\S+-requests \(missing_ref"):
        applied(url, chosen)
    assert stand_in.objects


def test_delete_takes_out_what_was_brought_in(stand_in: StandIn, url: str) -> None:
    """Nothing of ours is left, all of others is."""
    stand_in.objects["ops", "search", "mine"] = {"type": "search", "id": "mine"}
    applied(url)
    chosen = fitting(SMALL, (9, 5))
    gone = list(delete(chosen, planned(url), reached(url)))
    assert len(gone) == len(chosen)
    assert gone[0].kind == "rule"
    assert list(stand_in.objects) == [("ops", "search", "mine")]
    assert stand_in.things == {}


def test_connectors_keep_their_secrets_in_kibana() -> None:
    """Nothing that is sent to or written for Kibana holds one."""
    assert all("secrets" not in artefact.body for artefact in (*EVERYTHING, *ALERTING))


@pytest.mark.parametrize(
    ("setting", "header"),
    [
        ({"api_key": "c2VjcmV0"}, "ApiKey c2VjcmV0"),
        (
            {"username": "elastic", "password": "pass"},
            f"Basic {base64.b64encode(b'elastic:pass').decode()}",
        ),
    ],
)
def test_credentials(stand_in: StandIn, url: str, setting: dict[str, str], header: str) -> None:
    """An API key or a user is sent as Kibana wants it; a wrong one is an error."""
    stand_in.authorization = header
    assert opened(url=url, **setting).version() == (9, 5, 3)
    with pytest.raises(KibanaError, match="knows no such credentials") as caught:
        opened(url=url, api_key="d3Jvbmc=").version()
    assert caught.value.status == 401
    assert "d3Jvbmc" not in f"{caught.value.message} {caught.value.hint}"


def test_a_missing_privilege_names_what_is_not_allowed(stand_in: StandIn, url: str) -> None:
    """A 403 says which request, in which space, and where to read what is needed."""
    stand_in.forbidden = ["POST .*_import"]
    with pytest.raises(HalfAppliedError, match="does not allow POST /api/saved_objects/_import"):
        applied(url)
    assert stand_in.objects == {}


def test_a_space_that_does_not_exist(url: str) -> None:
    """Kibana would write into it unseen: it is asked for first."""
    kibana = opened(url=url, space="nowhere")
    with pytest.raises(KibanaError, match="There is no space 'nowhere'"):
        kibana.check_space()
    with pytest.raises(UserError, match="'Ops team' is no space"):
        LinkTarget("production", "Ops team")


def test_a_kibana_that_is_too_old(stand_in: StandIn, url: str) -> None:
    """Before 8.19 the shapes are others: it says so instead of half working."""
    stand_in.version = "8.18.4"
    with pytest.raises(KibanaError, match=r"8\.19 is the oldest"):
        opened(url=url).version()


def test_something_else_at_the_address(stand_in: StandIn, url: str) -> None:
    """What has no version of Kibana's is no Kibana."""
    stand_in.version = ""
    with pytest.raises(KibanaError, match="is not Kibana"):
        opened(url=url).version()


def test_an_address_where_nothing_listens() -> None:
    """The message names the address and how to do without."""
    with pytest.raises(KibanaError, match=r"not reachable at http://127\.0\.0\.1:1") as caught:
        opened(url="http://127.0.0.1:1").version()
    assert "mlmon kibana export" in caught.value.hint


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of loopback, signed by itself, and its key."""
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(command, check=True, capture_output=True)
    return paths


def test_a_pinned_authority(stand_in: StandIn, certificate: tuple[Path, Path]) -> None:
    """TLS is checked against the pinned authority; another one is refused with what to set."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serving(stand_in, context) as url:
        assert opened(url=url, ca_certs=certificate[0]).version() == (9, 5, 3)
        with pytest.raises(KibanaError, match="No secure connection") as caught:
            opened(url=url).version()
    assert "MLMON_KIBANA_CA_CERTS" in caught.value.hint
    with pytest.raises(UserError, match=r"gone\.pem cannot be read"):
        opened(url="https://x", ca_certs=Path("gone.pem"))


def test_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment goes before `[kibana]` of the file; a wrong key is named."""
    monkeypatch.chdir(tmp_path)
    Path("mlmon.toml").write_text("[kibana]\nurl = 'http://file'\nspace = 'ops'\n")
    assert load_kibana_settings().space == "ops"
    monkeypatch.setenv("MLMON_KIBANA_URL", "http://environment")
    assert load_kibana_settings().url == "http://environment"
    assert load_kibana_settings(space="other").space == "other"
    monkeypatch.setenv("MLMON_KIBANA_URL", "http://user:pass@host")
    with pytest.raises(UserError, match="MLMON_KIBANA_URL: credentials do not belong"):
        load_kibana_settings()
    monkeypatch.delenv("MLMON_KIBANA_URL")
    Path("mlmon.toml").write_text("[kibana]\nadress = 'x'\n")
    with pytest.raises(UserError, match="unknown setting 'adress'"):
        load_kibana_settings()


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        ({"a": 1}, {"a": 1, "owner": "x"}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["/a/b: 2 → 1"]),
        ({"a": ""}, {}, []),
        ({"a": False}, {}, []),
        ({"a": 1}, {}, ["/a: absent → 1"]),
        ({}, {"filters": [], "query": {"query": "", "language": "kuery"}}, []),
        ({}, {"query": {"query": "x", "language": "kuery"}}, ["/query: "]),
        ({"panelsJSON": '[{"a":1}]'}, {"panelsJSON": '[ {"a": 1, "version": "9"} ]'}, []),
        ({"panelsJSON": "[1]"}, {"panelsJSON": "[1,2]"}, ["/panelsJSON: 2 → 1 entries"]),
        ({"password": "p"}, {"password": "::es_redacted::"}, []),
    ],
)
def test_differences(ours: Any, theirs: Any, found: list[str]) -> None:
    """Defaults differ in nothing; what we say, and what changes the question, does."""
    compared = list(differences(ours, theirs))
    assert len(compared) == len(found)
    assert all(mine.startswith(expected) for mine, expected in zip(compared, found, strict=True))


Run = Callable[..., Result]


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `mlmon kibana …` against the stand-in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLMON_KIBANA_URL", url)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, ["kibana", *words])

    return invoke


def test_the_commands(run: Run, stand_in: StandIn) -> None:
    """Plan, apply, plan, delete: what each says and how it exits."""
    before = run("plan", "--namespace", "production", "--space", "ops", "--json")
    assert before.exit_code == 0
    changes = map(json.loads, before.output.splitlines())
    assert {step["change"] for step in changes} == {"create"}
    checked = run("plan", "--namespace", "production", "--space", "ops", "--exit-code")
    assert checked.exit_code == ExitCode.CONDITION_HOLDS
    done = run("apply", "--namespace", "production", "--space", "ops")
    assert done.exit_code == 0
    assert "0 unchanged" in done.output
    after = run("plan", "--namespace", "production", "--space", "ops")
    assert (after.exit_code, after.output.split()[:3]) == (0, ["0", "to", "change,"])
    asked = run("delete", "--namespace", "production", "--space", "ops")
    assert asked.exit_code == 1
    assert stand_in.objects
    gone = run("delete", "--namespace", "production", "--space", "ops", "--yes", "--json")
    assert len(json.loads(gone.output)["deleted"]) > 30
    assert stand_in.objects == {}


@pytest.mark.parametrize("version", ["8.19.0", "9.5.3"])
def test_what_is_no_longer_compiled(run: Run, stand_in: StandIn, version: str) -> None:
    """It is planned, left by apply and deleted by --prune; what is not ours or elsewhere stays."""
    stand_in.version = version
    place = ("--namespace", "production", "--space", "ops")
    assert run("apply", *place).exit_code == 0
    rule = "mlmon-production-ops-incidents-warning"
    gone = {f"{kind} mlmon-production-ops-gone" for kind in ("dashboard", "search", "rule")}
    kept = add_copies(stand_in, "mlmon-production-ops-gone", rule)
    before = run("plan", *place)
    assert before.exit_code == 0
    assert set(re.findall(r"^delete (.+)$", before.output, re.MULTILINE)) == gone
    assert run("plan", *place, "--prune").exit_code == 0
    pruned = run("plan", *place, "--prune", "--exit-code")
    assert pruned.exit_code == ExitCode.CONDITION_HOLDS
    assert "3 no longer compiled (--prune" in run("apply", *place).output
    done = json.loads(run("apply", *place, "--prune", "--json").output)
    assert set(done["deleted"]) == gone
    assert (done["applied"], done["stale"]) == ([], [])
    assert kept <= stand_in.objects.keys() | stand_in.things.keys()
    assert run("plan", *place, "--prune", "--exit-code").exit_code == 0


def add_copies(stand_in: StandIn, name: str, rule: str) -> set[tuple[str, str, str]]:
    """Add copies of ours under another name, and next to each what is not to be deleted."""
    kept = set()
    for kind, id_ in (("dashboard", "overview"), ("search", "alarms")):
        own = stand_in.objects["ops", kind, f"mlmon-production-ops-{id_}"]
        for copy in (name, "mlmon-staging-ops-gone", "mine"):
            stand_in.objects["ops", kind, copy] = own | {"id": copy}
        foreign = {"attributes": {"title": "Mine", "description": "By hand."}, "references": []}
        by_hand = {"type": kind, "id": f"{name}_not", **foreign}
        stand_in.objects["ops", kind, f"{name}_not"] = by_hand
        stand_in.objects["default", kind, name] = own | {"id": name}
        kept |= {("ops", kind, "mine"), ("ops", kind, f"{name}_not"), ("default", kind, name)}
        kept.add(("ops", kind, "mlmon-staging-ops-gone"))
    own = stand_in.things["ops", "alerting/rule", rule]
    stand_in.things["ops", "alerting/rule", name] = own | {"id": name}
    stand_in.things["ops", "alerting/rule", f"{name}_not"] = own | {"id": f"{name}_not", "tags": []}
    return kept | {("ops", "alerting/rule", f"{name}_not")}


def test_watches_need_watcher(run: Run, monkeypatch: pytest.MonkeyPatch, cluster: Any) -> None:
    """A licence without Watcher is reported before anything is written."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", cluster.url)
    result = run("apply", "--alerting", "watches")
    assert isinstance(result.exception, UserError)
    assert "has no Watcher" in result.exception.message
    wrong = run("plan", "--alerting", "mail")
    assert wrong.exit_code == ExitCode.WRONG_USAGE
    assert "watches" in wrong.output
