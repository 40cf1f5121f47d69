"""A chart: which documents are measured, and how the result is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from mlmon.dashboards.model.condition import EVERYTHING, Condition, both
from mlmon.dashboards.model.source import TIME_FIELD, DataSource

if TYPE_CHECKING:
    from mlmon.dashboards.palette import Tone

Operation = Literal[
    "count", "unique", "average", "sum", "min", "max", "median", "percentile", "last", "ratio"
]
Draw = Literal["line", "area", "bar", "stacked", "tile", "table", "heatmap"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number, or one value, of the documents of a part.

    Args:
        label: Its name.
        operation: How it comes about; `ratio` is the share of the documents that fulfil `where`
            among those that fulfil `of`, `last` the value of the latest document.
        field: What is measured; None for `count` and `ratio`.
        percent: Which percentile.
        where: Documents that count, among those of the part.
        of: For a ratio, what it is a share of.
        unit: Unit of its values, as `Panel.unit`.
        tone: What its colour means.
    """

    label: str
    operation: Operation = "count"
    field: str | None = None
    percent: float = 95.0
    where: Condition = EVERYTHING
    of: Condition = EVERYTHING
    unit: str = ""
    tone: Tone = "plain"

    def __post_init__(self) -> None:
        if (self.field is None) != (self.operation in {"count", "ratio"}):
            raise ValueError(f"{self.label!r}: {self.operation} of the field {self.field!r}")


@dataclass(frozen=True, slots=True)
class Time:
    """Divides documents by time, into as many parts as can be drawn."""

    field: str = TIME_FIELD


@dataclass(frozen=True, slots=True)
class Values:
    """Divides documents by the values of a field.

    Args:
        field: The field.
        label: What it is.
        size: How many values.
        order: Which: those whose first measure is `highest` or `lowest`, or the first by `name`.
    """

    field: str
    label: str
    size: int = 10
    order: Literal["highest", "lowest", "name"] = "highest"


@dataclass(frozen=True, slots=True)
class Bins:
    """Divides documents by ranges of a number, each from one edge up to before the next."""

    field: str
    label: str
    edges: tuple[float, ...]


Axis: TypeAlias = Time | Values | Bins


@dataclass(frozen=True, slots=True)
class Line:
    """A line at a fixed value."""

    label: str
    value: float
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class EventMark:
    """Documents drawn as vertical lines at their times: what happened while the values changed.

    Args:
        label: What happened.
        source: The documents.
        where: Documents that count.
        text: Field with what stands at the line.
        tone: What its colour means.
    """

    label: str
    source: DataSource
    where: Condition
    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class ToneStep:
    """From a value on, a tile has the colour of a meaning."""

    value: float
    tone: Tone


@dataclass(frozen=True, slots=True)
class Layer:
    """One search of a chart, one layer of Lens."""

    measures: tuple[Measure, ...]
    by: tuple[Axis, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is measured and how it is drawn.

    Args:
        title: Heading.
        sentence: Help, one sentence.
        source: The documents.
        measures: What is measured in each part.
        draw: Form. Of a `line`, `area`, `bar` or `stacked` the first axis runs to the right and the
            second one makes a line or colour per part; a `heatmap` has two; a `tile` has none.
        by: How documents are divided.
        where: Documents that count.
        unit: Unit of the y axis: that of the measures, as `Panel.unit`.
        limits: Measured over the first axis only, such as the limits of findings.
        lines: Lines at fixed values.
        marks: Events that are drawn over time.
        steps: Colours of a tile by its value.
        leads_to: Name of the dashboard with details: a drill-down of a chart with axes, a link in
            the links next to the heading of a tile's section.
        nothing: What a page says where no document counts; empty for the usual words.
    """

    title: str
    sentence: str
    source: DataSource
    measures: tuple[Measure, ...]
    draw: Draw = "line"
    by: tuple[Axis, ...] = (Time(),)
    where: Condition = EVERYTHING
    unit: str = ""
    limits: tuple[Measure, ...] = ()
    lines: tuple[Line, ...] = ()
    marks: tuple[EventMark, ...] = ()
    steps: tuple[ToneStep, ...] = ()
    leads_to: str | None = None
    nothing: str = ""

    def __post_init__(self) -> None:
        axes = {"tile": {0}, "heatmap": {2}, "table": {1, 2, 3, 4}}.get(self.draw, {1, 2})
        if len(self.by) not in axes:
            raise ValueError(f"{self.title!r} is a {self.draw} with {len(self.by)} axes")
        if len(self.measures) > 1 and len(self.by) > 1 and self.draw != "table":
            raise ValueError(f"{self.title!r} has several measures and parts: colours show one")
        timed = any(isinstance(axis, Time) for axis in self.by)
        if self.source.time is None and timed:
            raise ValueError(
                f"{self.title!r} asks {self.source.name} for times it is not sorted by"
            )

    @property
    def is_over_time(self) -> bool:
        """Whether its axis to the right is time, so that events can be drawn."""
        drawn = self.draw in {"line", "area", "bar", "stacked"}
        return drawn and isinstance(self.by[0], Time)

    @property
    def condition(self) -> Condition:
        """Condition on the documents counted in this chart."""
        return both(self.source.where, self.where)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Its searches: what is measured, and the limits."""
        main = Layer(self.measures, self.by)
        return (main, Layer(self.limits, self.by[:1])) if self.limits else (main,)
