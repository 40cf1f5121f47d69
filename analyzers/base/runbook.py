"""What to do about an alarm: how to find the lines behind it, what causes it, what helps.

What code knows (meaning, limits, commands) is generated; causes and cures are written in each
analyzer's file, and here those that several share. In the options `{subject}` stands for the
finding's subject; an option that names it is left out where there is none.
"""

from dataclasses import dataclass

NUMBER_LINES = "--dataset prediction --field ml.features.numeric.{subject}=*"
CATEGORY_LINES = "--dataset prediction --field ml.features.categorical.{subject}=*"
PATH_LINES = "--dataset access --field url.path={subject}"
OUTCOME_LINES = "--dataset outcome"
PREDICTION_LINES = "--dataset prediction"

FEATURE_CAUSES = (
    "A unit, a default or a release at the feature's source; a source that is stale or down; a "
    "new client or market."
)
FIX_SOURCE = (
    "Fix the source, or go back to its last release. Where the values are right and new, retrain "
    "on them and make a baseline of the new version."
)
BROKEN_INPUTS = (
    "Inputs that broke (see `feature_drift`, `data_quality`, `fallback_rate` of that day)"
)


@dataclass(frozen=True, slots=True)
class Runbook:
    """What to do about one metric.

    Args:
        lines: Options of `mlmon logs` that find the lines behind it.
        causes: Usual causes, the most frequent first.
        cure: What to do; nothing of it loses a line.
    """

    lines: str
    causes: str
    cure: str

    @property
    def shows_fault(self) -> bool:
        """Whether single lines show the fault: of those of all predictions, only the sum does."""
        return self.lines not in {PREDICTION_LINES, OUTCOME_LINES}
