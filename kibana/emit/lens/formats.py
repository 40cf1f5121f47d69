"""How Lens writes a measure's values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlmon.dashboards.model.chart import Measure
    from mlmon.dashboards.model.condition import Json
    from mlmon.dashboards.model.source import Source

SHARE = "ratio"


def lens_format(measure: Measure, source: Source) -> Json | None:
    """Return the format of a measure; None leaves it to the data view, which knows the field's."""
    known = source.field(measure.field) if measure.field else None
    if measure.unit == SHARE:
        return {"id": "percent", "params": {"decimals": 1}}
    if not measure.unit or (known is not None and known.unit):
        return None
    return {"id": "number", "params": {"decimals": 2, "suffix": f" {measure.unit}"}}


def api_format(measure: Measure, source: Source) -> Json:
    """Return the same for the Dashboards API: a `format` to merge in, or nothing."""
    form = lens_format(measure, source)
    if form is None:
        return {}
    kind = {"percent": "percent", "number": "number"}[form["id"]]
    return {"format": {"type": kind, **form["params"]}}
