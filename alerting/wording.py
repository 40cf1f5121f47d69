"""How alerts are told: what is open, since when, and what is its likely first cause."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mlmon.alerting.causes import likely_causes
from mlmon.alerting.episode import Ending
from mlmon.formatting import duration, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlmon.alerting.episode import Episode


def story(episodes: Sequence[Episode], others: Mapping[str, Episode]) -> Iterator[tuple[int, str]]:
    """Yield the lines that tell of episodes, each with how deep it is indented.

    What another one explains stands below it, so that the first line is where to begin.

    Args:
        episodes: What is listed.
        others: Episodes by their ids, of which causes that are not listed are taken.
    """
    effects: dict[str | None, list[Episode]] = defaultdict(list)
    for episode in episodes:
        effects[episode.explained_by].append(episode)
    for root in likely_causes(episodes):
        yield 0, headline(root)
        yield 1, root.reason
        yield from ((1, line) for line in remarks(root, others))
        for effect in effects[root.id]:
            yield 1, f"perhaps therefore {headline(effect)}"
            yield 2, effect.reason


def headline(episode: Episode) -> str:
    """Return severity, since when, and what is in alarm."""
    until = f" to {moment(episode.ended)}" if episode.ended is not None else ""
    return f"{episode.severity} since {moment(episode.since)}{until}: {episode.title}"


def remarks(episode: Episode, others: Mapping[str, Episode]) -> Iterator[str]:
    """Yield what else a person should know of an episode."""
    cause = others.get(episode.explained_by or "")
    if cause is not None:
        yield f"perhaps because of {headline(cause)}"
    if episode.ended is None and episode.last_finding > episode.last_alarm:
        calm = f"{episode.calm} ok since" if episode.calm else "no verdict since"
        yield f"last in alarm {moment(episode.last_alarm)}, {calm}"
    if episode.ending is Ending.ABSENCE:
        silence = duration(episode.expires - episode.last_finding)
        yield f"nothing was said of it for {silence}, so it is taken to be gone"
    if episode.runbook:
        yield f"what to do: {episode.runbook}"
