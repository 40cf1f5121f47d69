"""A person's judgement of an incident."""

from enum import StrEnum


class Verdict(StrEnum):
    """What an incident was."""

    FALSE_ALARM = "false_alarm"
    FIXED = "fixed"
    NEW_NORMAL = "new_normal"
