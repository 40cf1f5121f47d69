"""The full stack's compose file is read by docker-compose, and asks mlmon for what it has."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from mlmon.alerting.settings import AlertingSettings, load_alerting_settings
from mlmon.commands import app
from mlmon.dashboards.links.settings import KibanaSettings, load_kibana_settings
from mlmon.elastic.node.distribution import ELASTICSEARCH
from mlmon.elastic.settings import Settings, load_settings

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = shutil.which("docker-compose")
SECRETS = ("ELASTIC_PASSWORD", "KIBANA_PASSWORD", "MLMON_PASSWORD", "KIBANA_ENCRYPTION_KEY")
FILLED = {name: name.lower() * 3 for name in SECRETS}
SETTINGS = (Settings, KibanaSettings, AlertingSettings)


def compose(settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Let docker-compose read the file; it needs no engine for that."""
    if COMPOSE is None:
        pytest.skip("docker-compose is not installed (Debian: docker-compose)")
    known = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return subprocess.run(
        [COMPOSE, "-f", str(DEPLOY / "compose.yaml"), "config"],
        env={**known, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services as docker-compose understands them."""
    done = compose(FILLED)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


def ours(services: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the services that run mlmon."""
    found = [
        (name, service)
        for name, service in services.items()
        if service.get("image", "").startswith("mlmon")
    ]
    assert len(found) == 4
    yield from found


def parse(words: Sequence[str]) -> None:
    """Read a command line as mlmon does, without running it.

    Raises:
        Exception: Click's UsageError: a command, an option or an argument is wrong.
    """
    command: Any = get_command(app)
    context = command.make_context("mlmon", list(words))
    while hasattr(command, "resolve_command"):
        # What of the line a group has not read is split in two by click.
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


def known_settings() -> set[str]:
    """Return every variable that mlmon reads."""
    return {
        f"{settings.model_config['env_prefix']}{name.upper()}"
        for settings in SETTINGS
        for name in settings.model_fields
    }


def test_without_a_secret_nothing_starts() -> None:
    """With a secret unset, docker-compose refuses the file and names what to set."""
    done = compose({name: value for name, value in FILLED.items() if name != SECRETS[3]})
    assert done.returncode != 0
    assert SECRETS[3] in done.stderr


def test_no_secret_has_a_default() -> None:
    """Each use of each secret is one that docker-compose refuses to leave empty."""
    used = re.findall(r"\$\{(\w+)(:[-?])?", (DEPLOY / "compose.yaml").read_text())
    assert {name for name, how in used if how == ":?"} == set(SECRETS)
    assert {name for name, how in used if how != ":?"} & set(SECRETS) == set()


def test_the_example_names_what_has_to_be_set() -> None:
    """Every variable of the compose file stands in the example, or has a default there."""
    used = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text()))
    lines = (DEPLOY / "compose.env.example").read_text().splitlines()
    named = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert used <= named.keys()
    assert {named[name] for name in used} == {""}


def test_what_is_published_is_on_loopback(services: dict[str, Any]) -> None:
    """No port of the stack is reachable from another machine."""
    ports = [str(port) for service in services.values() for port in service.get("ports", [])]
    assert len(ports) == 5
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_files_it_mounts_are_there(services: dict[str, Any]) -> None:
    """Each file and folder of this one that a service reads exists."""
    mounted = [
        Path(str(volume).split(":")[0])
        for service in services.values()
        for volume in service.get("volumes", [])
        if str(volume).startswith(str(DEPLOY)) and ":/logs" not in str(volume)
    ]
    assert len(mounted) == 5
    assert [path.name for path in mounted if not path.exists()] == []


def test_what_it_waits_for_is_there(services: dict[str, Any]) -> None:
    """A service that others wait for until it is healthy has a check of its health."""
    waited = [
        (name, needed["condition"])
        for service in services.values()
        for name, needed in service.get("depends_on", {}).items()
    ]
    healthy = {name for name, condition in waited if condition == "service_healthy"}
    assert healthy == {"elasticsearch", "kibana"}
    assert all("healthcheck" in services[name] for name in healthy)


def test_each_service_runs_a_command_mlmon_has(services: dict[str, Any]) -> None:
    """The commands, their options and arguments are ones that mlmon takes."""
    for _, service in ours(services):
        parse(service["command"])


@pytest.mark.parametrize(
    "words", [("no-such-command",), ("kibana", "no-such"), ("run", "--no-such"), ("run", "more")]
)
def test_a_command_that_is_not_there_is_noticed(words: tuple[str, ...]) -> None:
    """The check above fails for an unknown command, option or argument."""
    with pytest.raises(Exception, match=r"(?i)no such|unexpected"):
        parse(words)


def test_the_settings_it_gives_are_read(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every variable is one that mlmon reads, and each service's values are valid together."""
    before = dict(os.environ)
    for name, service in ours(services):
        given = {key: value for key, value in service["environment"].items() if key[:6] == "MLMON_"}
        assert given.keys() <= known_settings(), name
        for key in before:
            if key.startswith("MLMON_"):
                monkeypatch.delenv(key, raising=False)
        for key in known_settings():
            monkeypatch.delenv(key, raising=False)
        for key, value in given.items():
            monkeypatch.setenv(key, value)
        assert load_settings().credentials() is not None
        access = load_kibana_settings()
        assert (
            (access.url is not None) == (access.credentials() is not None) == (name == "dashboards")
        )
        assert (load_alerting_settings().alertmanager_url is not None) == (name == "analyzer")


def test_services_are_called_where_they_are(services: dict[str, Any]) -> None:
    """Every URL within the stack names one of its services."""
    hosts = {
        host
        for service in services.values()
        for value in service.get("environment", {}).values()
        for host in re.findall(r"^http://([\w-]+):\d+$", str(value))
    }
    assert hosts == {"elasticsearch", "kibana", "alertmanager", "prometheus"}
    assert hosts <= services.keys()


def test_kibana_can_keep_rules(services: dict[str, Any]) -> None:
    """Kibana has the key without which it makes neither connectors nor rules."""
    key = services["kibana"]["environment"]["XPACK_ENCRYPTEDSAVEDOBJECTS_ENCRYPTIONKEY"]
    assert key == FILLED["KIBANA_ENCRYPTION_KEY"]


def test_the_stack_is_one_version(services: dict[str, Any]) -> None:
    """Elasticsearch and Kibana are of the version the embedded node is of."""
    versions = {
        service["image"].partition(":")[2]
        for service in services.values()
        if service.get("image", "").startswith("docker.elastic.co")
    }
    assert versions == {ELASTICSEARCH.version}
