"""Retention and rollover are data: checked against ILM's schema, overridden in mlmon.toml."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from mlmon.elastic.errors import UserError
from mlmon.elastic.indices import templates
from mlmon.elastic.indices.lifecycle import LIFECYCLES, Lifecycle, configured
from mlmon.elastic.indices.templates import TemplateChange

CHECKER = Path(__file__).parents[4] / "shared" / "tools" / "check_artefacts.py"


def _retention(lines: str) -> dict[str, int | None]:
    Path("mlmon.toml").write_text(f"[elastic.retention]\n{lines}\n")
    return {lifecycle.name: lifecycle.days for lifecycle in configured()}


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda lifecycle: lifecycle.name)
def test_a_policy_fits_the_published_schema(lifecycle: Lifecycle) -> None:
    """Each policy is what Elasticsearch's API description allows, with no unknown key."""
    if not CHECKER.is_file():
        pytest.skip(f"../shared/tools/{CHECKER.name} is not there")
    specification = importlib.util.spec_from_file_location("check_artefacts", CHECKER)
    assert specification is not None
    assert specification.loader is not None
    checker = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(checker)
    assert checker.errors("ilm", lifecycle.body()) == []
    assert checker.errors("ilm", {"policy": {"phases": {"warm": {"rollover": 1}}}}) != []


def test_everything_that_grows_has_a_lifecycle() -> None:
    """Each template has one, but for the indices that are one each and stay small."""
    named = {template.name for template in templates.templates()}
    lasting = {
        "mlmon-baselines",
        "mlmon-alerts",
        "mlmon-incidents",
        "mlmon-incident_changes",
        "mlmon-deliveries",
        "mlmon-notices",
        "mlmon-references",
        "mlmon-state",
    }
    assert {lifecycle.template for lifecycle in LIFECYCLES} == named - lasting
    assert all(lifecycle.days for lifecycle in LIFECYCLES)


@pytest.mark.parametrize(("days", "rollover"), [(1, 1), (30, 7), (400, 30), (None, 30)])
def test_a_stream_rolls_over_well_before_it_is_deleted(days: int | None, rollover: int) -> None:
    """An index holds at most a quarter of what is kept, so that much is deleted in small parts."""
    body = Lifecycle("ml.app", days, stream=True).body()["policy"]["phases"]
    assert body["hot"]["actions"]["rollover"]["max_age"] == f"{rollover}d"
    assert ("delete" in body) is (days is not None)


def test_the_documented_table_is_the_one_in_force() -> None:
    """`docs/index-design.md` names each lifecycle with its days."""
    text = (Path(__file__).parents[3] / "docs" / "index-design.md").read_text()
    documented = {
        name.strip(" `"): int(row.split("|")[2].replace(",", ""))
        for row in text.partition("## Kept how long")[2].splitlines()
        if row.startswith("| `") and "for ever" not in row
        for name in row.split("|")[1].split(",")
    }
    assert documented == {lifecycle.name: lifecycle.days for lifecycle in LIFECYCLES}


def test_retention_is_overridden_by_dataset() -> None:
    """A number of days, with and without the quotes that TOML asks for, or for ever."""
    before = {lifecycle.name: lifecycle.days for lifecycle in LIFECYCLES}
    found = _retention('"ml.prediction" = 90\nml.access = 7\nmlmon-findings = "forever"')
    assert found == before | {"ml.prediction": 90, "ml.access": 7, "mlmon-findings": None}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("ml.predictions = 90", "unknown name 'ml.predictions' .did you mean 'ml.prediction'"),
        ("mlmon-baselines = 90", "unknown name 'mlmon-baselines'"),
        ("ml.access = 0", "holds 0, which is no number of days"),
        ('ml.access = "30d"', "holds '30d', which is no number of days"),
        ("ml.access = true", "holds True, which is no number of days"),
    ],
)
def test_a_wrong_override_is_refused(lines: str, expected: str) -> None:
    """A typing error in a name or a value deletes nothing: it is an error that names it."""
    with pytest.raises(UserError, match=expected):
        _retention(lines)


def test_an_unknown_table_is_refused() -> None:
    """A misspelled table of `[elastic]` is an error that names the nearest one."""
    Path("mlmon.toml").write_text("[elastic.retentions]\nml.access = 1\n")
    with pytest.raises(
        UserError, match=r"'retentions' \(did you mean 'retention'.* in \[elastic\]"
    ):
        configured()


def test_a_template_of_a_cluster_with_ilm_names_its_policy(cluster: Any) -> None:
    """With ILM each growing template refers to its policy, by its digest too; without, none."""

    class WithIlm:
        """A cluster that offers ILM."""

        def capabilities(self) -> Any:
            return type("Offers", (), {"ilm": True})

    fitted: Any = {template.name: template for template in templates.fitting(WithIlm())}  # type: ignore[arg-type]
    plain = {template.name: template for template in templates.fitting(cluster)}
    for lifecycle in LIFECYCLES:
        body = fitted[lifecycle.template].body
        assert body["template"]["settings"]["index.lifecycle.name"] == lifecycle.policy
        assert body["_meta"] == body["template"]["mappings"]["_meta"]
        assert body["_meta"] != plain[lifecycle.template].body["_meta"]
    if not cluster.capabilities().ilm:
        assert "lifecycle" not in json.dumps([template.body for template in plain.values()])
    assert fitted["mlmon-alerts"].body == plain["mlmon-alerts"].body


def test_a_policy_is_installed_once(fault_server: Any, answer: Any) -> None:
    """Absent it is put, equal it is left, another's is refused and stays as it is."""
    from mlmon.elastic.client.client import open_client
    from mlmon.elastic.client.cluster import Cluster
    from mlmon.elastic.indices import policies

    wanted = LIFECYCLES[0]
    cluster = Cluster(open_client([fault_server.url]), "9.5.3")
    fault_server.say(answer(404), answer(200))
    assert [change for _, change in policies.install(cluster, [wanted])] == [TemplateChange.CREATED]
    method, path, _, sent = fault_server.requests[-1]
    assert (method, path) == ("PUT", f"/_ilm/policy/{wanted.policy}")
    present = json.loads(sent)
    fault_server.say(answer(200, {wanted.policy: present}))
    assert [change for _, change in policies.install(cluster, [wanted])] == [
        TemplateChange.UNCHANGED
    ]
    fault_server.say(answer(200, {wanted.policy: {"policy": {"phases": {}}}}))
    with pytest.raises(UserError, match="was not made by mlmon"):
        list(policies.install(cluster, [wanted]))
    assert {method for method, *_ in fault_server.requests} == {"GET"}
