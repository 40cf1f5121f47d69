"""Alerting writes the same few indices in each test: they are emptied, not made, for each."""

import pytest


@pytest.fixture
def namespace(emptied: str) -> str:
    """A namespace without a document."""
    return emptied
