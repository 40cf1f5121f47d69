"""What is remembered of a file: who it is, and how far its lines are decided."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from mlmon.ingest.files.fingerprint import EMPTY, START_BYTES, Fingerprint


@dataclass(slots=True)
class Record:
    """One file's entry in the checkpoint.

    Attributes:
        path: Where it was last seen.
        named: Where it was when a pattern named it.
        device: Device number of the file.
        inode: Inode number on that device.
        start: Fingerprint of its first bytes.
        head: Fingerprint of its beginning, of up to `HEAD_BYTES`.
        offset: Every line before this byte is stored or kept in the dead letters.
        tail: Fingerprint of the bytes just before `offset`.
        sent: No line that begins at or after this byte was ever sent.
        inside_long_line: Whether `offset` lies within a line over the limit, whose rest is to be
            refused too.
        seen: When the file was last there, seconds since the epoch.
    """

    path: str
    named: str
    device: int
    inode: int
    start: Fingerprint = EMPTY
    head: Fingerprint = EMPTY
    offset: int = 0
    tail: Fingerprint = EMPTY
    sent: int = 0
    inside_long_line: bool = False
    seen: float = 0.0

    def learn(self, head: bytes) -> None:
        """Take the file's first bytes as what it is known by."""
        self.start = Fingerprint.of(head[:START_BYTES])
        self.head = Fingerprint.of(head)

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the record of a JSON object made by `to_json`.

        Raises:
            TypeError: A field is missing or unknown.
        """
        prints = {name: Fingerprint(**value[name]) for name in ("start", "head", "tail")}
        return cls(**{**value, **prints})
