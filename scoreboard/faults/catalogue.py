"""All kinds of faults and traps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.elastic.errors import WrongValueError
from mlmon.scoreboard.faults import (
    data_faults,
    job_faults,
    log_faults,
    model_faults,
    service_faults,
)
from mlmon.scoreboard.faults.traps import TRAPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.scoreboard.faults.fault import Fault

FAULTS = (
    *service_faults.FAULTS,
    *data_faults.FAULTS,
    *model_faults.FAULTS,
    *job_faults.FAULTS,
    *log_faults.FAULTS,
)
KINDS = (*FAULTS, *TRAPS)


def chosen(names: Sequence[str]) -> tuple[Fault, ...]:
    """Return the kinds of these names; all where there are none.

    Raises:
        WrongValueError: There is no such kind.
    """
    if not names:
        return KINDS
    known = {fault.id: fault for fault in KINDS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise WrongValueError(
            f"There is no kind {', '.join(unknown)}", f"There are: {', '.join(known)}."
        )
    return tuple(known[name] for name in known if name in names)
