"""Real tables of other packages, replayed: our results are those of scikit-learn and scipy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.public_tables import (
    DISTANCE,
    MEASURES,
    SUCCESS,
    TABLES,
    PublicTable,
    judged,
    shown,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mlmon.elastic.client.cluster import Cluster

JUDGED = {"shuttle": {*MEASURES, DISTANCE}, "breast_cancer": {*MEASURES}}
"""What each table has enough rows for; distances of 200 training rows are not judged."""


@pytest.mark.long
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_results_are_those_of_other_libraries(
    cluster: Cluster, namespace: str, table: PublicTable, tmp_path: Path
) -> None:
    """Each window's measures hold scikit-learn's value, and distances scipy's."""
    compared = judged(cluster, f"{namespace}_{table.name}", table, tmp_path)
    assert {one.finding.metric for one in shown(compared)} == JUDGED[table.name]
    for one in compared:
        finding = one.finding
        assert finding.low is not None
        assert finding.high is not None
        assert finding.low <= one.theirs <= finding.high, finding.reason
        if finding.metric == SUCCESS:
            assert finding.value == pytest.approx(one.theirs, abs=1e-9), finding.reason
