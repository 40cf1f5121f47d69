"""What a cluster offers is found out from the cluster, and what it lacks is reported."""

from dataclasses import fields
from typing import Any

import pytest

from mlmon.elastic.client.capabilities import Capabilities, detect
from mlmon.elastic.client.client import open_client
from mlmon.elastic.client.cluster import Cluster

FULL = ["x-pack-ilm", "x-pack-esql", "x-pack-watcher", "data-streams", "lang-painless"]


def _nodes(*modules: list[str]) -> dict[str, Any]:
    return {
        "nodes": {
            str(number): {"modules": [{"name": name} for name in names]}
            for number, names in enumerate(modules)
        }
    }


def test_the_embedded_core_has_none_of_them(cluster: Cluster) -> None:
    """The core distribution is recognized as such, and each absent thing has its line."""
    found = cluster.capabilities()
    if found.ilm:
        pytest.skip("this is a full cluster, not the embedded core")
    assert found == Capabilities(
        version=cluster.version,
        licence="basic",
        ilm=False,
        esql=False,
        watcher=False,
        data_stream_api=False,
        scripts=False,
        security=found.security,
    )
    assert len(found.absent()) == 5 + (not found.security)


def test_a_full_cluster_lacks_nothing(fault_server: Any, answer: Any) -> None:
    """All modules, a licence with Watcher and security: no line is left."""
    fault_server.say(
        answer(200, _nodes(FULL)), answer(200, {"license": {"type": "trial"}}), answer(200, {})
    )
    assert detect(open_client([fault_server.url]), "9.5.3").absent() == []


@pytest.mark.parametrize("licence", ["basic", "gold", "trial"])
def test_watcher_needs_its_licence(licence: str, fault_server: Any, answer: Any) -> None:
    """The module alone is not enough: the basic licence refuses watches."""
    fault_server.say(
        answer(200, _nodes(FULL)), answer(200, {"license": {"type": licence}}), answer()
    )
    found = detect(open_client([fault_server.url]), "9.5.3")
    assert found.watcher is (licence != "basic")


def test_a_mixed_cluster_has_what_all_its_nodes_have(fault_server: Any, answer: Any) -> None:
    """What one node lacks cannot be relied on."""
    without = [name for name in FULL if name != "x-pack-esql"]
    fault_server.say(
        answer(200, _nodes(FULL, without)), answer(200, {"license": {"type": "basic"}}), answer()
    )
    found = detect(open_client([fault_server.url]), "9.5.3")
    assert (found.ilm, found.esql) == (True, False)


def test_every_capability_has_a_line_for_its_absence() -> None:
    """No capability can be absent silently."""
    flags = [field.name for field in fields(Capabilities) if field.type is bool]
    nothing: dict[str, Any] = dict.fromkeys(flags, False)
    lines = Capabilities(version="9.5.3", licence=None, **nothing).absent()
    assert len(set(lines)) == len(flags) == 6
