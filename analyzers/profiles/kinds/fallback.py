"""Sources that were replaced by defaults in an hour, by service, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlmon.analyzers.base.window import HOUR
from mlmon.analyzers.profiles.by_service import ByService, OfService
from mlmon.analyzers.profiles.kind import ProfileKind
from mlmon.analyzers.profiles.profile import WindowProfile
from mlmon.analyzers.profiles.quantities import ByTerm, Terms, quantity

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping

UNNAMED_REASON, OTHER_REASONS = "(not said)", "(other reasons)"
_REASONS = Terms("event.reason", 20, missing=UNNAMED_REASON, other=OTHER_REASONS)


@dataclass(frozen=True, slots=True)
class FallbackProfile(WindowProfile):
    """The fallbacks of one window.

    Args:
        reasons: How many there are, by service, source and reason.
    """

    reasons: Mapping[OfService, Counter[str]] = quantity(
        ByService(ByTerm("ml.feature_source.name", _REASONS, size=50, missing=UNNAMED_REASON))
    )


class FallbackKind(ProfileKind[FallbackProfile]):
    """Fallbacks by the hour, service, source and reason."""

    name = "fallback"
    dataset = "ml.fallback"
    step = HOUR
    profile = FallbackProfile


def reasons_of(of: OfService, profiles: Iterable[FallbackProfile]) -> Counter[str]:
    """Return a service's fallbacks of one source in several windows, by reason.

    Those whose service is not known count for every service.
    """
    known = (of, OfService("", of.name))
    return _REASONS.merge(
        [
            profile.reasons[key]
            for profile in profiles
            for key in dict.fromkeys(known)
            if key in profile.reasons
        ]
    )
