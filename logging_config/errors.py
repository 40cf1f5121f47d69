"""What the log refuses, each with what to do about it."""


class ConfigurationError(ValueError):
    """The log is set up wrongly; raised when it is set up, never at the first event."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint


class FieldTypeError(TypeError):
    """A value of a wrong type: raised in development, recorded and marked elsewhere."""
