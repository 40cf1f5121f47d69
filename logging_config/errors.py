"""The exceptions of the log."""


class ConfigurationError(ValueError):
    """The log's configuration is wrong; raised during configuration, never at the first event."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint


class FieldTypeError(TypeError):
    """A value has the wrong type: raised in development only."""
