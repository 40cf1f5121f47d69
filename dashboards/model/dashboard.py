"""A dashboard: sections of rows of panels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mlmon.dashboards.model.chart import Chart
from mlmon.dashboards.model.picture import Picture

if TYPE_CHECKING:
    from mlmon.analyzers.base.alert_policy import CauseLayer
    from mlmon.dashboards.model.chart import EventMark
    from mlmon.dashboards.model.source import DataSource

GRID_COLUMNS = 48
"""Of Kibana's grid."""


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a saved search, by its name."""

    search: str


Panel: TypeAlias = Chart | Picture | Documents


@dataclass(frozen=True, slots=True)
class PanelRow:
    """Panels of equal width side by side.

    Args:
        panels: From left to right.
        height: In the grid's units, about 20 pixels each.
    """

    panels: tuple[Panel, ...]
    height: int = 11


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading.

    Args:
        heading: A noun phrase.
        rows: From the top down.
        question: What the section answers, where that helps.
        runbook: Path of the page that says what to do.
        collapsed: Whether it opens with a click, where Kibana has such sections.
    """

    heading: str
    rows: tuple[PanelRow, ...]
    question: str = ""
    runbook: str = ""
    collapsed: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """A choice that filters all panels of a dashboard.

    Args:
        field: The field chosen from.
        label: What it is.
        source: Where its values are read.
    """

    field: str
    label: str
    source: DataSource


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard.

    Args:
        name: Its module's name, part of its id.
        title: Heading.
        question: What it answers.
        order: Its position in the navigation.
        sections: What it shows before the analyzers' own panels.
        analyzers: Names of analyzers whose panels it shows.
        layers: Layers whose analyzers it shows too, where no dashboard names them.
        controls: Choices.
        marks: Events that are drawn on each of its charts over time.
        since: Start of the time range it opens with; None keeps that of the previous dashboard.
    """

    name: str
    title: str
    question: str
    order: int
    sections: tuple[Section, ...] = ()
    analyzers: tuple[str, ...] = ()
    layers: tuple[CauseLayer, ...] = ()
    controls: tuple[Control, ...] = ()
    marks: tuple[EventMark, ...] = ()
    since: str | None = None
