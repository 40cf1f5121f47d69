"""The full stack's compose file is read by docker-compose, and asks mlmon for what it has."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from elastic.settings import Settings
from mlmon import app

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = shutil.which("docker-compose")
SECRETS = ("ELASTIC_PASSWORD", "KIBANA_PASSWORD", "MLMON_PASSWORD", "KIBANA_ENCRYPTION_KEY")
FILLED = {name: name.lower() * 3 for name in SECRETS}
# What compose reads for itself, beside the settings.
STACK = "9.5.3"


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


@pytest.mark.parametrize("missing", SECRETS)
def test_no_secret_has_a_default(missing: str) -> None:
    """With any one of the secrets unset, nothing starts, and the message names what to set."""
    done = compose({name: value for name, value in FILLED.items() if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr


def test_what_is_published_is_on_loopback(services: dict[str, Any]) -> None:
    """No port of the stack is reachable from another machine."""
    ports = [str(port) for each in services.values() for port in each.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_files_it_mounts_are_there(services: dict[str, Any]) -> None:
    """Each file of this folder that a service reads exists."""
    mounted = [
        Path(str(volume).split(":")[0])
        for each in services.values()
        for volume in each.get("volumes", [])
        if str(volume).startswith(str(DEPLOY)) and ":/logs" not in str(volume)
    ]
    assert len(mounted) == 2
    assert [path.name for path in mounted if not path.is_file()] == []


def test_each_service_runs_a_command_mlmon_has(services: dict[str, Any]) -> None:
    """The commands, their options and the settings of the environment exist."""
    known = set(Settings.model_fields)
    for each in services.values():
        if each.get("image") != "mlmon:local":
            continue
        command: Any = get_command(app)
        words = list(each["command"])
        while words and hasattr(command, "commands") and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options
        settings = {
            name.removeprefix("MLMON_").lower().partition("__")[0]
            for name in each["environment"]
            if name.startswith("MLMON_")
        }
        assert settings - known <= {"kibana_url", "alerting"}, json.dumps(sorted(settings))


def test_the_stack_is_one_version(services: dict[str, Any]) -> None:
    """Elasticsearch and Kibana are of the version the embedded node is of."""
    versions = {
        each["image"].partition(":")[2]
        for each in services.values()
        if each.get("image", "").startswith("docker.elastic.co")
    }
    assert versions == {STACK}
