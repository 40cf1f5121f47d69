"""What a torture does, how much of it, and for how long."""

from dataclasses import dataclass

from tests.support.fault_injector import Odds

FILE = "app.jsonl"
"""The file that is written and rotated."""

ODDS = Odds(
    busy=0.05, error=0.05, cut_before=0.05, cut_after=0.05, half_answer=0.03, half_closed=0.03,
    bad_request=0.02, slow=0.1, drip=0.03, silent=0.005, item_429=0.01, item_503=0.01,
    item_400=0.0005, delay_s=0.2, silent_s=8.0, largest=1_000_000, certain=20,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done.

    Attributes:
        lines: Lines the writer logs.
        kills: How often the shipper is killed with SIGKILL at least, where the time suffices.
        seed: Of every random choice.
        per_second: Lines logged a second.
        rotate_s: Mean time between two rotations.
        roll_s: Mean time between two rollovers.
        longest_life_s: Longest time until the shipper is killed.
        files: Small files of one line each that are there from the beginning.
        extras: Whether to do what rsyslog does not support: compression, copies with truncation,
            truncation, deletion, logs of containers, strays.
        wait_s: Longest wait until every line is stored, so that a file may be deleted.
        break_s: Seconds after which the shipper is no longer disturbed, at the latest.
        rest_s: Seconds that it then has to store the rest.
    """

    lines: int
    kills: int
    seed: int = 1
    per_second: float = 600.0
    rotate_s: float = 1.5
    roll_s: float = 4.0
    longest_life_s: float = 4.0
    files: int = 200
    extras: bool = True
    wait_s: float = 30.0
    break_s: float = 600.0
    rest_s: float = 600.0
