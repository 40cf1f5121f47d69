"""Causes: which open alert explains another, by the layers of the chain of causes.

A failing job makes statistics stale, stale statistics make predictions fall back, and so on: six
alarms with one cause. Of the alerts of earlier layers that were open when one opened, the one
farthest up the chain is its likely first cause. That is a guess from order and place, no proof.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlmon.analyzers.base.alert_policy import INGEST, LAYERS, Layer
from mlmon.analyzers.base.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmon.alerting.alerts.alert import Alert

APART: frozenset[Layer] = frozenset({"job", "statistics"})
"""Layers whose parts run as services of their own and serve every service of the environment."""


@dataclass(frozen=True, slots=True)
class Link:
    """One way in which an alert may be the cause of another.

    Alertmanager's inhibition is made of the same links (`alertmanager_config.py`), so each is
    what its matchers can say.

    Args:
        cause: Layer of the cause.
        effects: Layers of what it explains.
        model: Whether the cause names a model.
        other_model: Whether what it explains names a model; None where either will do.
        equal: What both must have in common.
    """

    cause: Layer
    effects: tuple[Layer, ...]
    model: bool
    other_model: bool | None
    equal: tuple[str, ...]

    def joins(self, cause: Alert, effect: Alert) -> bool:
        """Whether the one may be the cause of the other, as far as layer and place say."""
        return (
            cause.layer == self.cause
            and effect.layer in self.effects
            and (cause.model_name is not None) == self.model
            and self.other_model in (None, effect.model_name is not None)
            and all(getattr(cause, name) == getattr(effect, name) for name in self.equal)
        )


def links() -> Iterator[Link]:
    """Yield every link: of one model, or where one of both names none, of one service.

    Lost logs explain no alarm: one that they could explain is withheld before it is raised
    (`analyzers/log_coverage/incomplete_logs.py`).
    """
    for place, cause in enumerate(LAYERS[:-1]):
        if cause == INGEST:
            continue
        effects = LAYERS[place + 1 :]
        service = () if cause in APART else ("service",)
        yield Link(cause, effects, model=True, other_model=True, equal=("model_name",))
        yield Link(cause, effects, model=True, other_model=False, equal=service)
        yield Link(cause, effects, model=False, other_model=None, equal=service)


LINKS = tuple(links())


def explain(alert: Alert, others: Iterable[Alert]) -> Alert:
    """Return an alert with its likely first cause.

    It inhibits only what is not worse than it was then, so that no warning hides what is critical.

    Args:
        alert: What is to be explained.
        others: All alerts that were open when it opened; more do no harm.
    """
    causes = sorted(
        (other for other in others if _may_cause(other, alert)),
        key=lambda other: (LAYERS.index(other.layer), other.since, other.id),
    )
    inhibiting = [
        cause for cause in causes if cause.severity_at(alert.opened).rank >= alert.severity.rank
    ]
    return replace(
        alert,
        explained_by=causes[0].id if causes else None,
        cause=causes[0].title if causes else None,
        inhibited_by=inhibiting[0].id if inhibiting else None,
    )


def _may_cause(cause: Alert, effect: Alert) -> bool:
    return (
        not cause.withdrawn
        and cause.open_at(effect.opened)
        and any(link.joins(cause, effect) for link in LINKS)
    )


def likely_causes(alerts: Sequence[Alert]) -> list[Alert]:
    """Return the alerts that no other of them explains, the worst and oldest first."""
    ids = {alert.id for alert in alerts}
    roots = [alert for alert in alerts if alert.explained_by not in ids]
    worst = list(reversed(Severity))
    return sorted(roots, key=lambda root: (worst.index(root.severity), root.since, root.id))
