"""The error a user can mend: what is wrong, and what to do about it."""


class UserError(Exception):
    """Raised where the cause lies outside the program and a person can remove it.

    Args:
        message: What is wrong, in one sentence, naming the thing that is wrong.
        hint: What to do about it: a command to type or a setting to change.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
