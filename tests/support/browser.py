"""A real Chromium, as Debian installs it; only outside of CI may it be absent."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def browser_path() -> str:
    """Return the installed browser's path, or skip the test; fail it in CI."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        output = "no Chromium found: install it (apt-get install -y chromium)"
        if os.environ.get("CI"):
            pytest.fail(output)
        pytest.skip(output)
    return path


@contextmanager
def started_browser() -> Iterator[Browser]:
    """Run a browser without a window.

    While it runs, its event loop runs in this thread, and the worker's other tests could not start
    one of their own: no fixture of the session holds it.
    """
    path = browser_path()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS])
        yield started
        started.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for a module's tests."""
    with started_browser() as started:
        yield started
