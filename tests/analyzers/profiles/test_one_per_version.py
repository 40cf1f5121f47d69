"""Of an hour that is profiled over several baselines, one profile of each version is taken."""

from dataclasses import dataclass, replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from mlmon.analyzers.base.profile_key import ProfileKey
from mlmon.analyzers.base.window import HOUR, Window
from mlmon.analyzers.baselines.baseline import Baseline
from mlmon.analyzers.profiles.one_per_version import counted_once


@dataclass(frozen=True)
class Placed:
    """Something that has a profile key."""

    profile_key: ProfileKey


def placed(start: datetime, hour: int, version: str, over: str) -> Placed:
    """Return the profile of an hour of a version over a baseline."""
    window = Window(start + hour * HOUR, start + (hour + 1) * HOUR)
    return Placed(ProfileKey("prediction", window, ("autobid", version, over)))


@given(
    series=st.sets(st.tuples(st.integers(0, 4), st.sampled_from("123"), st.sampled_from("abc"))),
    preferred=st.sampled_from("abc"),
)
def test_each_hour_of_a_version_comes_once(
    start: datetime, series: set[tuple[int, str, str]], preferred: str
) -> None:
    """None is left out, none comes twice, and the preferred baseline's is taken where it is."""
    profiles = [placed(start, *place) for place in sorted(series)]
    found = list(counted_once(profiles, preferred, {}))
    places = [(profile.profile_key.window, profile.profile_key.series[1]) for profile in found]
    assert places == sorted(
        {(profile.profile_key.window, profile.profile_key.series[1]) for profile in profiles}
    )
    for profile in found:
        _, version, over = profile.profile_key.series
        hour = (profile.profile_key.window.start - start) // HOUR
        assert over == preferred or (hour, version, preferred) not in series


def test_else_it_is_over_the_versions_own_newest_baseline(
    baseline: Baseline, start: datetime
) -> None:
    """Before another's come the version's own ones, of these the newest; unknown ones come last."""
    own = replace(baseline, created=start)
    newer = replace(baseline, created=start + HOUR, rows=1)
    other = replace(baseline, model_version="9", created=start + 2 * HOUR)
    known = {baseline.id: baseline for baseline in (own, newer, other)}
    assert len(known) == 3
    over = [newer.id, own.id, other.id, "gone"]
    for first in range(4):
        profiles = [placed(start, 0, baseline.model_version, id_) for id_ in over[first:]]
        for order in (profiles, profiles[::-1]):
            (found,) = counted_once(order, "none", known)
            assert found.profile_key.series[2] == over[first]
