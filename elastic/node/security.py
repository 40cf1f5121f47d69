"""A secured embedded node: TLS with its own certificate, and one user for each role.

home/security/ca.pem               the certificate to trust
home/security/<user>.password      its owner's only; for MLMON_PASSWORD_FILE
home/node/certificate              certificate and key; the node's only
"""

import hashlib
import os
import secrets
import shutil
import subprocess
import zipfile
from base64 import b64encode
from pathlib import Path

from mlmon.elastic.errors import UserError
from mlmon.elastic.node.config import give
from mlmon.elastic.node.files import NodeFiles
from mlmon.elastic.node.runtime import Runtime
from mlmon.elastic.roles import roles_yml
from mlmon.elastic.system.folders import make_folder

ADMIN = "admin"
USERS = {
    ADMIN: "superuser",
    "shipper": "mlmon_shipper",
    "analyzer": "mlmon_analyzer",
    "viewer": "mlmon_viewer",
    "responder": "mlmon_responder",
    "pruner": "mlmon_pruner",
}
SETTINGS = {
    "xpack.security.enabled": True,
    "xpack.security.http.ssl.enabled": True,
    "xpack.security.http.ssl.certificate": "certificate/node/node.crt",
    "xpack.security.http.ssl.key": "certificate/node/node.key",
    # Users come from files: the core distribution cannot create the index of the others.
    "xpack.security.authc.realms.file.file1.order": 0,
    "xpack.security.authc.realms.native.native1.enabled": False,
    "xpack.security.authc.reserved_realm.enabled": False,
}
_DAYS = 3650
# Elasticsearch's hash `pbkdf2`: {PBKDF2}iterations$salt$digest, with HMAC-SHA-512.
_ITERATIONS = 10_000
_BYTES = 32


class NodeAccess:
    """How the users of one home reach its secured node.

    Args:
        home: The home.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / "security"
        self.ca = self.folder / "ca.pem"

    def password_file(self, user: str) -> Path:
        """Return the file that holds a user's password."""
        return self.folder / f"{user}.password"

    def credentials(self, user: str = ADMIN) -> tuple[str, str]:
        """Return user and password.

        Raises:
            UserError: The file cannot be read: it is its owner's.
        """
        path = self.password_file(user)
        try:
            return user, path.read_text(encoding="ascii")
        except OSError as error:
            raise UserError(
                f"The node is secured, and {path} cannot be read",
                "Run as the user who started it, or set MLMON_USERNAME and MLMON_PASSWORD.",
            ) from error


def secure(files: NodeFiles, runtime: Runtime) -> None:
    """Give a configured node its certificate, users and roles; keep those of an earlier start.

    Raises:
        UserError: No certificate could be made.
    """
    access = NodeAccess(files.home)
    certificate = files.folder / "certificate"
    if not certificate.is_dir():
        _make_certificate(certificate, files, runtime)
    make_folder(access.folder)
    access.ca.write_bytes((certificate / "node" / "node.crt").read_bytes())
    for user in USERS:
        _draw_password(access.password_file(user))
    shutil.copytree(certificate, files.config / "certificate")
    for name, content in _users(access).items():
        (files.config / name).write_text(content)
    give(files.config, runtime.owner)


def _make_certificate(target: Path, files: NodeFiles, runtime: Runtime) -> None:
    archive = files.temporary / "certificate.zip"
    tool = runtime.distribution / "bin" / "elasticsearch-certutil"
    words = ["cert", "--self-signed", "--pem", "--silent", "--name", "node", "--ip", "127.0.0.1"]
    words += ["--dns", "localhost", "--days", str(_DAYS), "--out", str(archive)]
    account = runtime.account
    made = subprocess.run(  # noqa: S603 - the program is the verified distribution's
        [tool, *words],
        env=runtime.environment(files),
        capture_output=True,
        text=True,
        check=False,
        user=account.user if account else None,
        group=account.group if account else None,
        extra_groups=[] if account else None,
    )
    if made.returncode:
        raise UserError(f"No certificate could be made: {made.stderr.strip()[-300:]}")
    _unpack(archive, target, runtime.owner)


def _unpack(archive: Path, target: Path, owner: int | None) -> None:
    temporary = target.with_suffix(".new")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    with zipfile.ZipFile(archive) as content:
        content.extractall(temporary)
    for path in temporary.rglob("*.key"):
        path.chmod(0o600)
    give(temporary, owner)
    temporary.rename(target)


def _draw_password(path: Path) -> None:
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(24))


def _users(access: NodeAccess) -> dict[str, str]:
    """Return the content of the configuration files for users and roles."""
    hashes = (f"{user}:{_hash(access.credentials(user)[1])}\n" for user in USERS)
    return {
        "users": "".join(hashes),
        "users_roles": "".join(f"{role}:{user}\n" for user, role in USERS.items()),
        "roles.yml": roles_yml(),
    }


def _hash(password: str) -> str:
    salt = secrets.token_bytes(_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, _BYTES)
    return f"{{PBKDF2}}{_ITERATIONS}${b64encode(salt).decode()}${b64encode(digest).decode()}"
