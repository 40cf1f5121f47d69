"""The colours of charts, by meaning: once as the page's CSS variables, once fixed for Kibana."""

from dataclasses import dataclass
from typing import Final, Literal

Tone = Literal["plain", "good", "warning", "critical", "unknown"]
"""Meaning of a colour."""


@dataclass(frozen=True, slots=True)
class Palette:
    """A CSS colour for each thing a chart shows.

    Attributes:
        line: A value.
        band: The range of the values of a bucket; a reference distribution.
        interval: The range of the confidence intervals of a bucket.
        good, warning, critical, unknown: Severities, limits and outcomes.
        quiet, quiet_unknown: Time that was ok, and time without a verdict, in a picture that may
            hold little else.
        incident, incident_text: The time of a known incident, and its number.
        version: The first appearance of a model version.
        grid, text: Axes.
        paper: The background: the edge of marks that overlap.
        series: Parts that have no meaning of their own, one colour after the other.
    """

    line: str
    band: str
    interval: str
    good: str
    warning: str
    critical: str
    unknown: str
    quiet: str
    quiet_unknown: str
    incident: str
    incident_text: str
    version: str
    grid: str
    text: str
    paper: str
    series: tuple[str, ...]

    def tone(self, tone: Tone) -> str:
        """Return the colour of a meaning."""
        return self.line if tone == "plain" else str(getattr(self, tone))


# The page's style sheet defines these, so that light, dark and print need no second drawing.
PAGE_COLOURS: Final = Palette(
    line="var(--line)",
    band="var(--band)",
    interval="var(--interval)",
    good="var(--good)",
    warning="var(--warning)",
    critical="var(--critical)",
    unknown="var(--unknown)",
    quiet="var(--grid)",
    quiet_unknown="var(--unknown-soft)",
    incident="var(--incident)",
    incident_text="var(--incident-ink)",
    version="var(--faint)",
    grid="var(--grid)",
    text="var(--muted)",
    paper="var(--paper)",
    series=tuple(f"var(--series-{number})" for number in range(1, 13)),
)

# Kibana's themes know no severities: these can be read on a light and on a dark ground.
KIBANA: Final = Palette(
    line="#4a5765",
    band="#b9c1c9",
    interval="#e8edf2",
    good="#4f8f76",
    warning="#d98e04",
    critical="#b0123f",
    unknown="#8d8599",
    quiet="#cfd8e0",
    quiet_unknown="#8d8599",
    incident="#4f63d21f",
    incident_text="#3a4bb0",
    version="#65707c",
    grid="#e3e6ea",
    text="#808890",
    paper="#ffffff",
    series=("#2f7fc4", "#c2681c", "#3f8a55", "#8a4fa3"),
)
