"""The errors a user can fix: what is wrong, and what to do about it."""

from typing import ClassVar

from mlmon.elastic.exit_codes import ExitCode


class UserError(Exception):
    """Raised where the cause lies outside the program and a person can remove it.

    Args:
        message: What is wrong, in one sentence, naming the thing that is wrong.
        hint: What to do about it: a command to type or a setting to change.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class WrongValueError(UserError):
    """A value of the command line or of the settings is malformed, unknown or contradictory."""

    exit_code = ExitCode.WRONG_USAGE


class NotRunningError(UserError):
    """A status was requested of something that has never run."""

    exit_code = ExitCode.NOT_RUNNING


class ServerError(UserError):
    """A request that a server did not carry out.

    Args:
        message: What went wrong.
        hint: What to do about it.
        status: The HTTP status of the answer; None where no answer came.
    """

    def __init__(self, message: str, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint)
        self.status = status


class ClusterError(ServerError):
    """A request that Elasticsearch did not carry out."""


class ClusterUnreachableError(ClusterError):
    """No answer; the request may have been carried out all the same."""


class ClusterBusyError(ClusterError):
    """Status 429, 502, 503 or 504: the same request may succeed later."""


class NoMasterError(ClusterBusyError):
    """The cluster has elected no master: it takes no writes until it has."""


class DiskFullError(ClusterBusyError):
    """A disk of the cluster reached its flood stage: its indices are read-only until it has space.

    https://www.elastic.co/docs/troubleshoot/elasticsearch/fix-watermark-errors
    """


class RequestTooLargeError(ClusterError):
    """Status 413: the same documents may succeed in smaller requests."""


class AccessRefusedError(ClusterError):
    """Status 401 (credentials unknown) or 403 (credentials without the privilege)."""


class UnsupportedClusterError(ClusterError):
    """Something answers, but it is not an Elasticsearch that this client can speak to."""


class DocumentsRefusedError(ClusterError):
    """Elasticsearch stored some documents of a request and refused others.

    Args:
        message: How many were refused, and the first reasons.
        hint: What to do about it.
        refused: The id of each refused document with its reason.
    """

    def __init__(
        self, message: str, hint: str = "", refused: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message, hint, 400)
        self.refused = refused


def root_cause(error: BaseException) -> str:
    """Return the message of the innermost cause; outer layers repeat hosts and their own names."""
    inner = error
    while (cause := inner.__cause__ or inner.__context__) is not None:
        inner = cause
    return (getattr(inner, "strerror", None) or str(inner) or type(inner).__name__).rstrip(".")
