"""Runs mlmon with a clock that is set forward and back every few seconds.

Usage: python -m tests.support.torture.wrong_clock SEED WORDS…
"""

import datetime as dt
import sys
import time
from typing import Any

CLOCKS = (0, 7_200, -7_200, 86_400 * 400, -86_400 * 400)
"""Seconds by which the clock is wrong, one after the other, each for some seconds."""
_EACH_S = 5


class _Instances(type):
    """Lets real times pass as instances of the replaced class."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _REAL)


_REAL = dt.datetime


def set_wrong(seed: int) -> None:
    """Replace the clocks of `time` and `datetime`; the monotonic one stays right."""
    real = time.time

    def now() -> float:
        moment = real()
        return moment + CLOCKS[(int(moment) // _EACH_S + seed) % len(CLOCKS)]

    class WrongTime(_REAL, metaclass=_Instances):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return _REAL.fromtimestamp(now(), tz)

    time.time = now
    dt.datetime = WrongTime  # type: ignore[misc]


def main() -> None:
    """Run the command."""
    set_wrong(int(sys.argv.pop(1)))
    from mlmon.cli import main as run

    run()


if __name__ == "__main__":
    main()
