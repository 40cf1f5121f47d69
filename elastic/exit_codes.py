"""Exit codes: one table for all commands."""

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """The exit codes of `mlmon`, each with its meaning."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Make a member from its number and its meaning."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    DONE = 0, "Done."
    FAILED = 1, "Failed, or found a problem: the message names the cause."
    WRONG_USAGE = 2, "Wrong command line or setting: an unknown option or name, or a wrong value."
    REJECTED = 3, "Done, but some lines or rows were rejected; each is kept with its reason."
    NOT_RUNNING = 4, "Not running: the node or the shipper whose status was requested."
    CONDITION_HOLDS = 5, "The condition of `--exit-code` holds; see the command's help."
    OUTPUT_CLOSED = 141, "The reader of the output, such as `head`, closed it."
