"""Keep a typed event whose arguments were so wrong that its fields could not be made."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from mlmon.logging_config.errors import FieldTypeError


class Salvaging(Protocol):
    """A log that can write an event from its raw arguments."""

    def salvage(self, dataset: str, given: dict[str, Any], error: Exception) -> str:
        """Write the arguments as labels; return the event's id."""


_Log = TypeVar("_Log", bound=Salvaging)
_P = ParamSpec("_P")


def total(
    dataset: str,
) -> Callable[[Callable[Concatenate[_Log, _P], str]], Callable[Concatenate[_Log, _P], str]]:
    """Make a typed helper total: what it raises, a wrong name of an argument too, is salvaged.

    Args:
        dataset: the dataset of the event.
    """

    def decorate(
        method: Callable[Concatenate[_Log, _P], str],
    ) -> Callable[Concatenate[_Log, _P], str]:
        @wraps(method)
        def call(log: _Log, /, *args: _P.args, **given: _P.kwargs) -> str:
            try:
                return method(log, *args, **given)
            except FieldTypeError:
                raise
            except Exception as error:  # noqa: BLE001 -- arguments are the caller's, and may be anything
                return log.salvage(dataset, {**given, **({"args": args} if args else {})}, error)

        return call

    return decorate
