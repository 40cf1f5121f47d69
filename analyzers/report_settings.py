"""Settings of other libraries' reports: the table `[reports]` of `mlmon.toml`."""

from __future__ import annotations

from datetime import timedelta  # noqa: TC003 - pydantic reads it
from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field

from mlmon.elastic.section import SettingsSection
from mlmon.elastic.settings import Settings  # noqa: TC001 - its annotations are read
from mlmon.elastic.system.folders import home_folder
from mlmon.formatting import parse_duration

LIBRARIES: Final = ("evidently", "nannyml", "whylogs")
"""The libraries, each the name of a command, of an extra and of a setting."""


def _length(text: str) -> str:
    """Return a duration as it was written.

    Raises:
        ValueError: It is none.
    """
    parse_duration(text)
    return text


Length = Annotated[str, AfterValidator(_length)]


class ReportsSettings(SettingsSection):
    """Which reports `mlmon run` writes, in whose environments."""

    section: ClassVar = "reports"

    models: Path | None = Field(
        None,
        description="folder of the models' training sets, as `mlmon baseline create` reads it",
    )
    evidently: Path | None = Field(
        None, description="virtual environment that has mlmon with the extra `evidently`"
    )
    nannyml: Path | None = Field(
        None, description="virtual environment that has mlmon with the extra `nannyml`"
    )
    whylogs: Path | None = Field(
        None, description="virtual environment that has mlmon with the extra `whylogs`"
    )
    every: Length = Field("1d", description="time between two reports of a model version")
    since: Length = Field("7d", description="length of the period that a report samples")
    rows: int = Field(
        10_000, ge=1, le=1_000_000, description="most predictions that a report samples"
    )
    timeout: Length = Field("15m", description="time after which a library is stopped")
    keep: int = Field(
        30, ge=1, description="reports that are kept of each library and model version"
    )
    folder: Path | None = Field(
        None, description="folder of the reports; by default `reports` in mlmon's home"
    )

    @property
    def environments(self) -> dict[str, Path]:
        """The environments that are set, by the library's name."""
        found = {name: getattr(self, name) for name in LIBRARIES}
        return {name: path for name, path in found.items() if path is not None}

    @property
    def wanted(self) -> bool:
        """Whether any report is to be written."""
        return bool(self.environments) and self.models is not None

    @property
    def interval(self) -> timedelta:
        """Time between two reports of a model version."""
        return parse_duration(self.every)

    @property
    def period(self) -> timedelta:
        """Length of the period that a report samples."""
        return parse_duration(self.since)

    @property
    def limit(self) -> timedelta:
        """Time after which a library is stopped."""
        return parse_duration(self.timeout)

    def namespace_folder(self, settings: Settings) -> Path:
        """Return the folder of a namespace's reports."""
        return (self.folder or home_folder(settings) / "reports") / settings.namespace
