"""Write artefacts to a Kibana, and delete them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from mlmon.elastic.errors import UserError
from mlmon.formatting import count
from mlmon.kibana.emit.artefact import ARTEFACT_KINDS
from mlmon.kibana.sync.plan import SyncChange, SyncStep, named
from mlmon.kibana.sync.remote_objects import SavedObjects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.kibana.emit.artefact import Artefact, ArtefactKind
    from mlmon.kibana.sync.remote_objects import RemoteObjects

ApplyProgress = Callable[[str], None]
_PLURALS = {"search": "searches", "watch": "watches"}


class HalfAppliedError(UserError):
    """A step failed; the message lists what was done before it and what was not begun."""


def apply(
    steps: Sequence[SyncStep], remote: Mapping[ArtefactKind, RemoteObjects], progress: ApplyProgress
) -> list[SyncStep]:
    """Create and replace what a plan lists; return the steps taken.

    Raises:
        UserError: Someone else made a thing of one of the ids: nothing was touched.
        HalfAppliedError: A step failed; those before it are done.
    """
    _refuse_others([step for step in steps if step.change is SyncChange.REFUSE])
    waiting = [step for step in steps if step.change in {SyncChange.CREATE, SyncChange.UPDATE}]
    done: list[SyncStep] = []
    for group in _groups(waiting):
        progress(f"writing {group[0].name}" + (f" and {len(group) - 1} more" * (len(group) > 1)))
        try:
            _write(group, remote)
        except UserError as error:
            rest = [step for step in waiting if step not in done]
            raise _half_applied(error, group, done, rest) from error
        done += group
    return done


def delete(
    artefacts: Sequence[Artefact],
    steps: Sequence[SyncStep],
    remote: Mapping[ArtefactKind, RemoteObjects],
) -> Iterator[Artefact]:
    """Delete those artefacts that exist and that mlmon owns; yield them.

    Dependants go first. What someone else made under one of the ids stays.
    """
    ours = {
        id(step.artefact) for step in steps if step.change in {SyncChange.UPDATE, SyncChange.KEEP}
    }
    for artefact in reversed(artefacts):
        if id(artefact) in ours and remote[artefact.kind].delete(artefact):
            yield artefact


def prune(
    stale: Sequence[Artefact], remote: Mapping[ArtefactKind, RemoteObjects], progress: ApplyProgress
) -> Iterator[Artefact]:
    """Delete stale objects in the order given; yield those that still existed."""
    for artefact in stale:
        progress(f"deleting {named(artefact)}")
        if remote[artefact.kind].delete(artefact):
            yield artefact


def _refuse_others(refused: Sequence[SyncStep]) -> None:
    if refused:
        names = "; ".join(f"{step.name} ({step.differences[0]})" for step in refused)
        raise UserError(
            f"Nothing was changed, for these exist and mlmon did not make them: {names}",
            "Delete or rename them in Kibana, or use another namespace or space.",
        )


def _groups(steps: Sequence[SyncStep]) -> Iterator[list[SyncStep]]:
    """Yield what is written at once, in the order of kinds: saved objects in one import."""
    imported = [step for step in steps if step.artefact.kind in {"data-view", "saved-object"}]
    if imported:
        yield imported
    for step in sorted(steps, key=lambda step: ARTEFACT_KINDS.index(step.artefact.kind)):
        if step not in imported:
            yield [step]


def _write(group: Sequence[SyncStep], remote: Mapping[ArtefactKind, RemoteObjects]) -> None:
    of = remote[group[0].artefact.kind]
    if isinstance(of, SavedObjects):
        refused = of.write_all([step.artefact for step in group])
        if refused:
            raise UserError(
                f"Kibana imported the others but refused {'; '.join(refused)}",
                "See its reasons; `mlmon kibana plan` shows what is there now.",
            )
        return
    for step in group:
        of.write(step.artefact, new=step.change is SyncChange.CREATE)


def _half_applied(
    error: UserError, failed: Sequence[SyncStep], done: Sequence[SyncStep], rest: Sequence[SyncStep]
) -> HalfAppliedError:
    missing = [step for step in rest if step not in failed]
    message = f"{error.message}. Failed at {failed[0].name}; done before: {_counted(done)}"
    return HalfAppliedError(
        f"{message}; not begun: {_counted(missing)}",
        error.hint or "Run `mlmon kibana apply` again after fixing it: it continues from there.",
    )


def _counted(steps: Sequence[SyncStep]) -> str:
    counts: dict[str, int] = {}
    for step in steps:
        kind = named(step.artefact).partition(" ")[0].replace("-", " ")
        counts[kind] = counts.get(kind, 0) + 1
    return (
        ", ".join(count(times, kind, _PLURALS.get(kind, "")) for kind, times in counts.items())
        or "nothing"
    )
