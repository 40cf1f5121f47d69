"""The secured node: TLS, users from files, and roles that allow what each part needs only."""

import os
import shutil
import socket
import ssl
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr

from mlmon.elastic.client.cluster import Cluster
from mlmon.elastic.client.documents import Document
from mlmon.elastic.connect import connect
from mlmon.elastic.errors import (
    AccessRefusedError,
    ClusterUnreachableError,
    DocumentsRefusedError,
    UserError,
)
from mlmon.elastic.indices import templates
from mlmon.elastic.indices.lifecycle import Lifecycle
from mlmon.elastic.indices.prune import Act, carry_out, plan
from mlmon.elastic.node import node
from mlmon.elastic.node.security import ADMIN, USERS, NodeAccess
from mlmon.elastic.settings import Settings
from mlmon.elastic.sign_in import has_users, person
from mlmon.ingest.shipper import ShipRequest, open_pipeline
from mlmon.ingest.state.state_folder import StateFolder
from mlmon.logging_config import Service, open_log

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
STREAM = "logs-ml.app-secured"
FINDINGS = "mlmon-findings-secured-2026.01"
LINE = b'{"create":{"_index":"%b","_id":"%b"}}\n{"@timestamp":"2026-01-01T00:00:00Z"}\n'
AsUser = Callable[[str], Cluster]


@pytest.fixture(scope="module")
def settings(cache: Path) -> Iterator[Settings]:
    """A secured node with templates, for this module."""
    home = Path(tempfile.mkdtemp(prefix="mlmon-secured-"))
    home.chmod(0o755)
    settings = Settings(home=home, cache=cache, node_port=9270, node_secure=True)
    try:
        node.start(settings)
        with connect(settings) as cluster:
            list(templates.install(cluster))
        yield settings
    finally:
        node.stop(settings)
        shutil.rmtree(home)


@pytest.fixture
def as_user(settings: Settings) -> Iterator[AsUser]:
    """Opens the cluster as one of the node's users."""
    opened: list[Cluster] = []

    def open_as(user: str) -> Cluster:
        path = NodeAccess(settings.home or Path()).password_file(user)
        known = settings.model_copy(update={"username": user, "password_file": path})
        opened.append(connect(known))
        return opened[-1]

    yield open_as
    for cluster in opened:
        cluster.close()


def _statuses(cluster: Cluster, *lines: bytes) -> list[int]:
    answer = cluster.bulk(b"".join(lines))
    return [next(iter(item.values()))["status"] for item in answer["items"]]


def _line(id_: bytes, stream: str = STREAM) -> bytes:
    return LINE % (stream.encode(), id_)


def test_the_next_command_finds_it_and_is_its_administrator(settings: Settings) -> None:
    """Without a word in the settings, the URL, the certificate and the user are known."""
    with connect(Settings(home=settings.home, cache=settings.cache)) as cluster:
        assert cluster.url.startswith("https://127.0.0.1:")
        assert cluster.capabilities().security is True


def test_its_certificate_is_checked(settings: Settings) -> None:
    """Who does not trust the node's certificate gets an error with what to set."""
    running = node.find(settings)
    assert running is not None
    stranger = Settings(elasticsearch_url=running.url)
    with pytest.raises(ClusterUnreachableError, match="No secure connection") as caught:
        connect(stranger)
    assert "MLMON_CA_CERTS" in caught.value.hint
    port = int(running.url.rpartition(":")[2])
    trusting = ssl.create_default_context(cafile=NodeAccess(running.home).ca)
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        assert wrapped.version() in {"TLSv1.2", "TLSv1.3"}


def test_a_wrong_password_is_refused(settings: Settings) -> None:
    """The error says what to check and repeats no password."""
    wrong = settings.model_copy(update={"username": ADMIN, "password": SecretStr("hunter2")})
    with pytest.raises(AccessRefusedError, match=r"\(401\)") as caught:
        connect(wrong)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_secrets_are_their_owners_only(settings: Settings) -> None:
    """Passwords and key can be read by nobody else, and stand in no command line or log."""
    home = settings.home or Path()
    passwords = [NodeAccess(home).password_file(user) for user in USERS]
    keys = list(home.rglob("*.key"))
    assert keys
    assert {stat.S_IMODE(path.stat().st_mode) for path in [*passwords, *keys]} == {0o600}
    secrets = {path.read_text() for path in passwords}
    assert len(secrets) == len(USERS)
    logs = "".join(path.read_text() for path in (home / "node" / "logs").glob("*.log"))
    assert not [secret for secret in secrets if secret in logs]


def test_the_shipper_may_only_add_lines(as_user: AsUser) -> None:
    """New lines are taken; replacing, deleting, and writing elsewhere are refused item by item."""
    shipper = as_user("shipper")
    assert _statuses(shipper, _line(b"1"), _line(b"2")) == [201, 201]
    assert _statuses(shipper, _line(b"1")) == [409]
    # A data stream takes replacements only like this: in its backing index, of a known revision.
    place = b'"_index":"%b","_id":"1"' % as_user(ADMIN).data_streams(STREAM)[STREAM][0].encode()
    replace_ = b'{"index":{%b,"if_seq_no":0,"if_primary_term":1}}\n{}\n' % place
    delete = b'{"delete":{%b}}\n' % place
    assert set(_statuses(shipper, replace_, delete)) == {403}
    assert _statuses(shipper, _line(b"1", FINDINGS)) == [403]


def test_the_shipper_may_look_its_lines_up(as_user: AsUser) -> None:
    """After an unclean stop it asks which ids arrived; findings it may not read."""
    shipper = as_user("shipper")
    _statuses(shipper, _line(b"3"))
    as_user(ADMIN).refresh(STREAM)
    assert shipper.count(STREAM, {"ids": {"values": ["3", "absent"]}}) == 1
    with pytest.raises(AccessRefusedError):
        as_user("shipper").put_index_template("own", {"index_patterns": ["own-*"]})


def test_the_shipper_ships_over_tls_and_doubles_nothing_after_a_rollover(
    as_user: AsUser, settings: Settings, tmp_path: Path
) -> None:
    """With the role of a shipper, lines are stored, looked up again, and its counts are kept."""
    path = tmp_path / "app.jsonl"
    with open_log(Service("secured", "1", "production"), path=path) as log:
        for number in range(3):
            log.app("info", "line", {"number": number})
    order = ShipRequest([str(path)], "secured", StateFolder(tmp_path / "state"), tmp_path / "locks")
    with open_pipeline(as_user("shipper"), order, Event()) as pipeline:
        assert pipeline.run(following=False).stored == 3
    with connect(settings) as administrator:
        administrator.rollover(STREAM)
        with open_pipeline(
            as_user("shipper"), replace(order, from_start=True), Event()
        ) as pipeline:
            counts = pipeline.run(following=False)
        assert (counts.stored, counts.duplicate, counts.rejected) == (0, 3, 0)
        administrator.refresh("logs-mlmon.shipping-secured")
        assert administrator.count("logs-mlmon.shipping-secured") > 0


def test_the_analyzer_reads_logs_and_writes_findings(as_user: AsUser) -> None:
    """It may read and refresh logs and store findings, but not change the logs it judges."""
    analyzer = as_user("analyzer")
    analyzer.refresh(STREAM)
    assert analyzer.count(STREAM) >= 0
    assert (
        analyzer.put([Document(FINDINGS, "1", {"@timestamp": "2026-01-01T00:00:00Z"})]).total == 1
    )
    analyzer.refresh(FINDINGS)
    assert analyzer.count(FINDINGS) == 1
    assert [str(change) for _, change in templates.install(analyzer)] == ["unchanged"] * len(
        list(templates.templates())
    )
    assert _statuses(analyzer, _line(b"4")) == [403]


def test_the_viewer_only_reads(as_user: AsUser) -> None:
    """It sees logs and findings and changes neither."""
    viewer = as_user("viewer")
    viewer.count(STREAM)
    viewer.count(FINDINGS)
    with pytest.raises(AccessRefusedError, match=r"\(403\)"):
        viewer.put([Document(FINDINGS, "2", {})])
    with pytest.raises(AccessRefusedError, match=r"\(403\)"):
        viewer.bulk(_line(b"5"))


def test_the_pruner_rolls_over_and_deletes_and_does_not_write(as_user: AsUser) -> None:
    """It may do what `mlmon prune` does in mlmon's indices, add no line and touch no alert."""
    _statuses(as_user("shipper"), _line(b"6"))
    # An index whose documents nobody can see yet is an empty one, which is not rolled over.
    as_user(ADMIN).refresh(STREAM)
    pruner = as_user("pruner")
    app = [Lifecycle("ml.app", 30, stream=True)]
    soon, late = datetime.now(UTC) + timedelta(days=8), datetime.now(UTC) + timedelta(days=40)
    steps = [*plan(pruner, "secured", app, soon)]
    assert [step.act for step in carry_out(pruner, steps)] == [Act.ROLL_OVER]
    steps = [*plan(pruner, "secured", app, late)]
    # All indices before the one that is written to, of which an earlier test may have left some.
    assert {step.act for step in carry_out(pruner, steps)} == {Act.DELETE}
    assert as_user(ADMIN).count(STREAM) == 0
    with pytest.raises(AccessRefusedError, match=r"\(403\)"):
        pruner.bulk(_line(b"7"))
    as_user(ADMIN).put([Document("mlmon-alerts-secured", "1", {"@timestamp": "2026-01-01"})])
    with pytest.raises(AccessRefusedError):
        pruner.delete_index("mlmon-alerts-secured")


def test_a_node_without_security_is_not_taken_for_a_secured_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for security while an open node runs, the start says so instead of returning it."""
    from dataclasses import replace

    from mlmon.elastic.node.files import NodeFiles

    state = NodeFiles(settings.home or Path()).read_state()
    assert state is not None
    monkeypatch.setattr(NodeFiles, "read_state", lambda _: replace(state, secure=False))
    with pytest.raises(UserError, match="runs without security"):
        node.start(settings)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_sees_why_the_node_refuses(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unreadable administrator's password is an error that names another way to connect."""
    home = settings.home or Path()
    monkeypatch.chdir("/")
    os.seteuid(65534)
    try:
        with pytest.raises(UserError, match=r"is secured, and .* cannot be read") as caught:
            connect(Settings(home=home, cache=settings.cache))
    finally:
        os.seteuid(0)
    assert "MLMON_USERNAME" in caught.value.hint


def test_who_signs_in_with_the_clusters_users(settings: Settings) -> None:
    """A responder and an administrator may act, a viewer may not, and nobody else is known."""
    index = "mlmon-incident_changes-secured"
    access = NodeAccess(settings.home or Path())
    allowed = {}
    for user in USERS:
        found = person(settings, *access.credentials(user), index)
        assert found is not None
        assert found.name == user
        allowed[user] = found.allowed
    assert allowed == {
        ADMIN: True,
        "analyzer": True,
        "responder": True,
        "shipper": False,
        "viewer": False,
        "pruner": False,
    }
    secret = access.credentials("responder")[1]
    for user, password in (
        ("responder", "wrong"),
        ("nobody", secret),
        ("", "bm8tc3VjaDprZXk="),
        ("", "no key"),
        ("responder", ""),
        ("respond:er", secret),
    ):
        assert person(settings, user, password, index) is None
    assert has_users(settings)


def test_a_responder_acts_and_nothing_else(as_user: AsUser) -> None:
    """The role writes incidents and their changes; findings and logs it reads only."""
    responder = as_user("responder")
    responder.put([Document("mlmon-incident_changes-secured", "1", {"@timestamp": "2026-01-01"})])
    for index in (FINDINGS, "mlmon-alerts-secured"):
        with pytest.raises((AccessRefusedError, DocumentsRefusedError)):
            responder.put([Document(index, "1", {"@timestamp": "2026-01-01"})])
    assert _statuses(responder, _line(b"r1")) == [403]
