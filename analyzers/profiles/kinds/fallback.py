"""Sources that were replaced by defaults in an hour, with the reasons."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.profile import WindowProfile
from mlmon.analyzers.profiles.quantities import ByTerm, Terms, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNNAMED_REASON, OTHER_REASONS = "(not said)", "(other reasons)"
_REASONS = Terms("event.reason", 20, missing=UNNAMED_REASON, other=OTHER_REASONS)


@dataclass(frozen=True, slots=True)
class FallbackProfile(WindowProfile):
    """The fallbacks of one window.

    Args:
        reasons: How many there are, by source and reason.
    """

    reasons: Mapping[str, Counter[str]] = quantity(
        ByTerm("ml.feature_source.name", _REASONS, size=50, missing=UNNAMED_REASON)
    )


class FallbackKind(ProfileKind[FallbackProfile]):
    """Fallbacks by the hour, source and reason."""

    name = "fallback"
    dataset = "ml.fallback"
    step = HOUR
    profile = FallbackProfile


def reasons_of(source: str, profiles: Iterable[FallbackProfile]) -> Counter[str]:
    """Return the fallbacks of one source in several windows, by reason."""
    return _REASONS.merge([profile.reasons.get(source, Counter()) for profile in profiles])
