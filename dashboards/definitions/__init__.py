"""The dashboards, one module each with its `DASHBOARD`: found by import.

A dashboard shows the panels of the analyzers it names. An analyzer that none names is shown by the
dashboard of its layer, so that a new one needs no change here.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlmon.analyzers.base.analyzer import Analyzer
    from mlmon.dashboards.model.dashboard import Dashboard


@cache
def dashboards() -> tuple[Dashboard, ...]:
    """Return every dashboard in the order of the navigation."""
    modules = (
        importlib.import_module(module.name)
        for module in pkgutil.iter_modules(__path__, f"{__name__}.")
    )
    found: list[Dashboard] = [
        module.DASHBOARD for module in modules if hasattr(module, "DASHBOARD")
    ]
    return tuple(sorted(found, key=lambda dashboard: dashboard.order))


def home(analyzer: Analyzer[Any]) -> Dashboard:
    """Return the dashboard that shows an analyzer: the one that names it, else that of its layer.

    Raises:
        LookupError: There is none.
    """
    everything = dashboards()
    named = [dashboard for dashboard in everything if analyzer.name in dashboard.analyzers]
    layer = analyzer.alert_policy.layer
    fitting = [dashboard for dashboard in everything if layer in dashboard.layers]
    if not named + fitting:
        raise LookupError(f"no dashboard shows {analyzer.name} of layer {layer}")
    return (named + fitting)[0]


def shown_on(dashboard: Dashboard, analyzers: Iterable[Analyzer[Any]]) -> list[Analyzer[Any]]:
    """Return the analyzers a dashboard shows: those it names as it names them, then the others."""
    named = {name: index for index, name in enumerate(dashboard.analyzers)}
    shown = [analyzer for analyzer in analyzers if home(analyzer) is dashboard]
    return sorted(shown, key=lambda analyzer: (named.get(analyzer.name, len(named)), analyzer.name))
