"""Requirements of an embedded node: a Java, the unpacked distribution, a user who is not root."""

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlmon.elastic.errors import UserError
from mlmon.elastic.node.distribution import ELASTICSEARCH, install
from mlmon.elastic.node.files import NodeFiles
from mlmon.elastic.node.java import fetch_java, find_java
from mlmon.elastic.system.folders import is_root

UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """The user a node runs as, where it is not the current one.

    Args:
        user: User id.
        group: Group id.
    """

    user: int
    group: int


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a node runs on.

    Args:
        java: Home of the Java.
        distribution: Unpacked Elasticsearch.
        account: The user to run as; None is the current one.
    """

    java: Path
    distribution: Path
    account: Account | None

    @property
    def owner(self) -> int | None:
        """User id to give the node's files to; None keeps it."""
        return self.account.user if self.account else None

    def environment(self, files: NodeFiles) -> dict[str, str]:
        """Return the variables of the node's processes.

        No other variable is passed: Java would take options from it, and it may hold secrets.
        """
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(files.folder),
            "ES_JAVA_HOME": str(self.java),
            "ES_PATH_CONF": str(files.config),
            "ES_TMPDIR": str(files.temporary),
            # The launcher and the tools live for seconds: too short for Java's second compiler.
            "CLI_JAVA_OPTS": "-XX:TieredStopAtLevel=1",
        }


def provide(cache: Path, report: Callable[[str], None]) -> Runtime:
    """Find what a node needs to run, and fetch what is missing.

    Raises:
        UserError: Something is missing and cannot be fetched.
    """
    account = unprivileged_account()
    java = find_java()
    if java is None:
        report("fetching a Java, once")
        java = fetch_java(cache)
    return Runtime(java, install(ELASTICSEARCH, cache, report), account)


def unprivileged_account() -> Account | None:
    """Return the user to run as where this process runs as root, which Elasticsearch refuses."""
    if not is_root():
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as error:
        raise UserError(
            f"Elasticsearch does not run as root, and there is no user {UNPRIVILEGED!r}",
            "Run mlmon as another user than root.",
        ) from error
    return Account(entry.pw_uid, entry.pw_gid)
