"""The colours of charts, by meaning."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """A CSS colour for each thing a chart shows.

    Attributes:
        line: The usual value.
        band: What the values of a bucket span.
        interval: What the intervals that they lie in span.
        warning, critical: Limits and findings of that severity.
        unknown: Time without a verdict.
        incident, incident_text: The time of a known incident, and its number.
        version: The first appearance of a model version.
        grid, text: Axes.
        paper: What lies behind: the edge of marks that overlap.
    """

    line: str
    band: str
    interval: str
    warning: str
    critical: str
    unknown: str
    incident: str
    incident_text: str
    version: str
    grid: str
    text: str
    paper: str


# The page's style sheet defines these, so that light, dark and print need no second drawing.
OF_THE_PAGE = Palette(
    line="var(--line)",
    band="var(--band)",
    interval="var(--interval)",
    warning="var(--warning)",
    critical="var(--critical)",
    unknown="var(--unknown)",
    incident="var(--incident)",
    incident_text="var(--incident-ink)",
    version="var(--faint)",
    grid="var(--grid)",
    text="var(--muted)",
    paper="var(--paper)",
)

SEVERITIES = {
    "critical": "#b0123f",
    "warning": "#d98e04",
    "unknown": "#8d8599",
    "ok": "#cfd8e0",
}
"""Fixed colours, for Kibana, whose themes know no severities: the page's on a light ground."""
TONES = {
    "critical": SEVERITIES["critical"],
    "warning": SEVERITIES["warning"],
    "unknown": SEVERITIES["unknown"],
    "good": "#4f8f76",
}
"""The same for what a chart's colours say."""
