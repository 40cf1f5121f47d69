"""What an analyzer is given to judge: the profiles it needs, and no others."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlmon.analyzers.base.analysis_context import AnalysisContext
from mlmon.analyzers.base.analyzer import Analyzer
from mlmon.analyzers.base.window import Window
from mlmon.analyzers.baselines.baseline import Baseline


def context_of(
    analyzer: Analyzer[Any],
    period: Window,
    profiles: Mapping[str, Sequence[Any]],
    baselines: Mapping[tuple[str, str], Baseline],
) -> AnalysisContext[Any]:
    """Return the context of a period, from all profiles there are by kind."""
    found = {
        needs.kind: [
            profile
            for window in needs.windows(period)
            for profile in AnalysisContext(period, profiles.get(needs.kind, ())).within(window)
        ]
        for needs in analyzer.needs
    }
    judged = found.pop(analyzer.needs[0].kind)
    by_kind = {needs.kind: needs for needs in analyzer.needs}

    def earlier(kind: str) -> Sequence[Any]:
        reach = by_kind[kind].on_demand(period)
        return AnalysisContext(period, profiles.get(kind, ())).within(reach)

    return AnalysisContext(period, judged, baselines, found, earlier=earlier)
