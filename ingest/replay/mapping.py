"""The mapping of a table's columns to the parts of an event: the mapping file, checked."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mlmon.elastic.errors import WrongValueError
from mlmon.formatting import parse_duration
from mlmon.logging_config import Service
from mlmon.logging_config.emit.field_rules import field_part

if TYPE_CHECKING:
    from pathlib import Path


Unit = Literal["s", "ms", "us", "ns"]
"""Unit of a time given as a number since 1970."""

ColumnName = Annotated[str, Field(min_length=1)]
Duration = Annotated[str, AfterValidator(lambda text: parse_duration(text) and text)]


class MappingSection(BaseModel):
    """A table of the mapping file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceSection(MappingSection):
    """`[service]`: whose events they are."""

    name: ColumnName
    version: str = "0"
    environment: str = "production"

    @model_validator(mode="after")
    def _fit_for_the_log(self) -> Self:
        self.service()
        return self

    def service(self) -> Service:
        """Return it as the log knows it."""
        return Service(self.name, self.version, self.environment)


class ModelSection(MappingSection):
    """`[model]`: its name, and its version as a fixed text or from a column."""

    name: ColumnName
    version: str | None = None
    version_column: ColumnName | None = None

    @model_validator(mode="after")
    def _one_version(self) -> Self:
        if (self.version is None) == (self.version_column is None):
            raise ValueError("give either version or version_column")
        return self


class TimeSection(MappingSection):
    """`[time]`: from a column, or row after row from a start.

    Attributes:
        column: the time of the prediction.
        unit: what a number in the column counts.
        format: `strptime` format of a text that is not ISO 8601.
        start: time of row 1, where there is no column.
        interval: from one row to the next, for example `1s`.
    """

    column: ColumnName | None = None
    unit: Unit | None = None
    format: str | None = None
    start: datetime | None = None
    interval: Duration | None = None

    @model_validator(mode="after")
    def _column_or_start(self) -> Self:
        by_row = (self.start is not None, self.interval is not None)
        if any(by_row) == (self.column is not None) or any(by_row) != all(by_row):
            raise ValueError("give either column, or start and interval")
        return self

    def at_row(self, number: int) -> datetime:
        """Return the time of a row, the first being 1, where time is the rows' order.

        Raises:
            OverflowError: It lies beyond the year 9999.
        """
        if self.start is None or self.interval is None:
            raise AssertionError("the time comes from a column")
        start = self.start if self.start.tzinfo else self.start.replace(tzinfo=UTC)
        return start.astimezone(UTC) + (number - 1) * parse_duration(self.interval)


class PredictionSection(MappingSection):
    """`[prediction]`: id, score and decision.

    Attributes:
        id: column of the prediction's id; without it the rows are numbered.
        score: column of the probability, 0 to 1.
        threshold: scores from here on are approved.
        approved: column of the decision, yes or no; without it the threshold decides.
    """

    id: ColumnName | None = None
    score: ColumnName
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    approved: ColumnName | None = None

    @model_validator(mode="after")
    def _decided(self) -> Self:
        if self.threshold is None and self.approved is None:
            raise ValueError("give threshold or approved, for each prediction carries a decision")
        return self


class OutcomeSection(MappingSection):
    """`[outcome]`: what came true, where the table knows it.

    Attributes:
        label: column of the label, yes or no; empty where it is not known yet.
        positive: texts of the label that mean yes, in addition to 1, true, yes.
        negative: texts that mean no, in addition to 0, false, no.
        value: column of what it was worth.
        time: column of the time it became known.
        unit: as in `[time]`.
        format: as in `[time]`.
        delay: how long after the prediction it became known, where there is no column.
    """

    label: ColumnName
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    value: ColumnName | None = None
    time: ColumnName | None = None
    unit: Unit | None = None
    format: str | None = None
    delay: Duration | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.time is not None and self.delay is not None:
            raise ValueError("give either time or delay")
        if both := set(self.positive) & set(self.negative):
            raise ValueError(f"{min(both)!r} is both positive and negative")
        return self


class FeaturesSection(MappingSection):
    """`[features]`: the columns of each kind."""

    numeric: tuple[ColumnName, ...] = ()
    categorical: tuple[ColumnName, ...] = ()
    embedding: tuple[ColumnName, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them."""
        return self.numeric + self.categorical + self.embedding

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = Counter(field_part(column) for column in self.columns)
        if twice := sorted(name for name, count in names.items() if count > 1):
            raise ValueError(f"two columns would be the feature {twice[0]!r}")
        return self


class TableSection(MappingSection):
    """`[table]`: how the table is written.

    Attributes:
        delimiter: what separates a CSV file's columns.
        missing: texts that mean that there is no value, in addition to the empty one.
    """

    delimiter: Annotated[str, Field(pattern=r"^[\t -~]$")] = ","
    missing: tuple[str, ...] = ()


class ColumnMapping(MappingSection):
    """The complete mapping file."""

    service: ServiceSection
    model: ModelSection
    time: TimeSection
    prediction: PredictionSection
    outcome: OutcomeSection | None = None
    features: FeaturesSection = FeaturesSection()
    table: TableSection = TableSection()

    @property
    def columns(self) -> dict[str, str]:
        """Each column that is read, with the key of the mapping that first names it."""
        named = [
            ("prediction.id", self.prediction.id),
            ("prediction.score", self.prediction.score),
            ("prediction.approved", self.prediction.approved),
            ("time.column", self.time.column),
            ("model.version_column", self.model.version_column),
        ]
        if self.outcome:
            named += [
                (f"outcome.{key}", getattr(self.outcome, key)) for key in ("label", "value", "time")
            ]
        for kind in ("numeric", "categorical", "embedding"):
            named += [(f"features.{kind}", column) for column in getattr(self.features, kind)]
        columns: dict[str, str] = {}
        for key, column in named:
            if column is not None:
                columns.setdefault(column, key)
        return columns

    @property
    def delay(self) -> timedelta:
        """Delay of outcomes after their predictions, where no column holds it."""
        text = self.outcome.delay if self.outcome else None
        return parse_duration(text) if text else timedelta()


def read_mapping(path: Path) -> ColumnMapping:
    """Read a mapping file.

    Raises:
        WrongValueError: It cannot be read, is not TOML, has an unknown key or lacks one.
    """
    suggest = "`mlmon replay TABLE --suggest` prints a mapping to begin with."
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongValueError(f"{path} cannot be read: {error.strerror}", suggest) from error
    except ValueError as error:
        raise WrongValueError(f"{path} is not TOML: {error}", suggest) from error
    try:
        return ColumnMapping.model_validate(document)
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors()]
        raise WrongValueError(f"{path}: {'; '.join(faults)}", suggest) from error


def _describe(error: Any) -> str:
    """Describe what pydantic found at a key."""
    key = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return f"{key} is an unknown key"
        case "missing":
            return f"{key} is missing"
        case "value_error":
            return f"{key}: {error['ctx']['error']}"
        case _:
            return f"{key}: {error['msg'][0].lower()}{error['msg'][1:]}, not {error['input']!r}"
