"""Settings of the analyzers: the table `[analyzers]` of `mlmon.toml`."""

from typing import ClassVar

from pydantic import Field

from mlmon.elastic.section import Section


class AnalyzersSettings(Section):
    """What the analyzers are told about the models they judge."""

    section: ClassVar = "analyzers"

    segments: tuple[str, ...] = Field(
        (), description="features that divide a model's traffic into segments"
    )
