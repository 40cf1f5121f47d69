"""Styles of severities in a terminal."""

from types import MappingProxyType
from typing import Final

from mlmon.analyzers.base.finding import Severity

SEVERITY_STYLES: Final = MappingProxyType(
    {
        Severity.CRITICAL: "bold red",
        Severity.WARNING: "yellow",
        Severity.UNKNOWN: "dim",
        Severity.OK: "green",
    }
)
