"""Other libraries' failures as errors a user can read."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlmon.elastic.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def library(name: str, install: str) -> Iterator[None]:
    """Work with a library that is an extra, without its warnings.

    Args:
        name: Its name.
        install: How to get it.

    Raises:
        UserError: It cannot be imported, or cannot do it.
    """
    try:
        # Of its own and its dependencies' deprecations, which are not this user's.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UserError:
        raise
    except ImportError as error:
        raise UserError(f"{name} cannot be imported: {error}", install) from error
    except Exception as error:
        raise UserError(
            f"{name} cannot compare this sample: {type(error).__name__}: {error}",
            "Draw a larger sample with --rows, or of a longer time with --window.",
        ) from error
