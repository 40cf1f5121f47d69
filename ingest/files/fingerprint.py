"""A hash over some bytes of a file, by which its content is known under another name or inode."""

from dataclasses import dataclass
from hashlib import sha256

HEAD_BYTES = 1024
"""How much of a file's beginning identifies it; a smaller file is identified by what it has, and
the head grows with it."""

START_BYTES = 64
"""How much of the head is hashed on its own too: enough for a time stamp, to tell a cut file from
one written anew."""

TAIL_BYTES = 256
"""How much of what lies before an offset says that the offset belongs to this content."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Length and SHA-256 of some bytes; the length is kept so that a head can grow."""

    length: int
    digest: str

    @classmethod
    def of(cls, data: bytes) -> "Fingerprint":
        """Return the fingerprint of these bytes."""
        return cls(len(data), sha256(data).hexdigest())

    def matches(self, data: bytes) -> bool:
        """Return whether the data begins with the bytes of this fingerprint."""
        return len(data) >= self.length and self == Fingerprint.of(data[: self.length])


EMPTY = Fingerprint.of(b"")
