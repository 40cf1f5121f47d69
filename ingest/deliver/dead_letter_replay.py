"""Sends refused lines again, once what they were refused for is mended."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from mlmon.ingest.deliver.dead_letter import DeadLetter
from mlmon.ingest.deliver.dead_letters import DeadLetters
from mlmon.ingest.deliver.delivery import Delivery
from mlmon.ingest.encode.line import Encoder, LineError, event_id
from mlmon.ingest.files.source import Limits
from mlmon.ingest.state.account import Account

_PARCEL_BYTES = 1 << 21


@dataclass(slots=True)
class ReplayParcel:
    """Refused lines as items again.

    Attributes:
        letters: The lines.
        items: One bulk item for each.
        suspect: They are looked up first: a replay that was broken off may have stored some.
    """

    letters: list[DeadLetter] = field(default_factory=list)
    items: list[bytes] = field(default_factory=list)
    suspect: bool = True

    def ident(self, index: int) -> str:
        """Return the id of a line."""
        return event_id(self.letters[index].raw)

    def dead_letter(self, index: int, reason: str) -> DeadLetter:
        """Return the dead letter of a line that is refused again."""
        return replace(self.letters[index], reason=reason, time=datetime.now(UTC))


def replay(
    dead_letters: DeadLetters, encoder: Encoder, delivery: Delivery, limits: Limits
) -> Account:
    """Send all dead letters again; those that are refused again are kept anew.

    Raises:
        StoppedError: The shipper stops; the next replay begins with the same letters.
        UserError: A person has to act; likewise.
    """
    account = Account()
    if not dead_letters.file.take():
        return account
    again: list[DeadLetter] = []
    for parcel in _parcels(dead_letters.file.taken(), encoder, limits, again, account):
        outcome = delivery.deliver(parcel)
        account.stored += outcome.stored
        account.duplicate += len(outcome.duplicates)
        account.retried += outcome.retried
        again += outcome.refused
        dead_letters.keep(again)
        for letter in again:
            account.refuse(letter.reason)
        again.clear()
    dead_letters.file.drop_taken()
    return account


def _parcels(
    letters: Iterable[DeadLetter],
    encoder: Encoder,
    limits: Limits,
    again: list[DeadLetter],
    account: Account,
) -> Iterator[ReplayParcel]:
    """Yield the lines that can be sent; put the others into `again`."""
    parcel = ReplayParcel()
    size = 0
    encoder.stamp(datetime.now(UTC))
    for letter in letters:
        account.read += 1
        account.bytes += len(letter.raw)
        size += len(letter.raw)
        try:
            if len(letter.raw) > limits.line_bytes:
                raise LineError(limits.too_long)  # noqa: TRY301 - refused as by its content
            item = encoder.encode(letter.raw)
        except LineError as error:
            again.append(replace(letter, reason=str(error), time=datetime.now(UTC)))
        else:
            parcel.letters.append(letter)
            parcel.items.append(item)
        if size >= _PARCEL_BYTES:
            yield parcel
            parcel, size = ReplayParcel(), 0
    yield parcel
