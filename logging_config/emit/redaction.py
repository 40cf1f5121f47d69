"""Remove secrets and personal data before an event is serialised.

By key (`password`, `api_key`, …), by pattern in any text (tokens, card numbers, e-mail addresses),
by a list of the fields a dataset may hold, and by a salted hash where a value must stay joinable.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from mlmon.logging_config.errors import ConfigurationError
from mlmon.logging_config.schema.fields import DATASETS

REDACTED: Final = "[redacted]"
"""Written in place of a secret."""

_SECRET_KEY: Final = re.compile(
    r"\b(?:passwords?|passwd|passphrase|pwd|secrets?|authorization|cookies?|credentials?|apikey)\b"
    r"|\b(?:api|access|auth|encryption|private|signing|ssh) keys?\b"
    r"|\b(?:token|jwt|pin|ssn|cvv|iban)$"
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# Each pattern begins where a run of its characters begins, so that a long text costs linear time.
_EMAIL: Final = re.compile(
    r"(?<![\w.%+-])[\w.%+-]+@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
)
_CARD: Final = re.compile(
    r"(?<![0-9A-Za-z.-])[2-6]\d{3}(?:\d{9,15}|([ -])\d{4}\1\d{4}\1\d{1,7}|([ -])\d{6}\2\d{5})"
    r"(?![0-9A-Za-z-])"
)
_TOKEN: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|\Z)"
    r"|(?<![\w-])eyJ[\w-]{6,}\.[\w-]+\.[\w-]*"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}"
    r"|\bxox[abeoprs]-[\w-]{8,}|\b[srp]k[-_](?:live[-_]|test[-_]|proj-|ant-)?[\w-]{16,}"
    r"|\bAIza[\w-]{30,}"
)
_CREDENTIALS: Final = re.compile(
    r"(?i)(\b(?:bearer|basic)\s{1,4})(?=\S*[0-9=])[\w.~+/=-]{6,}"
    r"|((?:password|passwd|pwd|secret|token|api[_-]?key|authorization)[\"']?\s{0,4}[=:]\s{0,4}"
    r"[\"']?)(?!(?:bearer|basic)\s)[^\s\"',;&]+"
    r"|(://[^\s/:@]*:)[^\s/@]+(?=@)"
)
# Each alternative begins with a literal, which makes the search three times as fast.
_SUSPICIOUS: Final = re.compile(
    r"@|=|:|eyJ|AKIA|ASIA|AIza|gh[pousr]_|github_|glpat-|xox|sk[-_]|rk[-_]|pk[-_]|-----BEGIN"
    r"|bearer|Bearer|BEARER|basic|Basic|BASIC"
)


def is_secret_key(key: str) -> bool:
    """Whether a key names a secret: `dbPassword`, `x-api-key`."""
    words = " ".join(_WORD.findall(key)).lower()
    return _SECRET_KEY.search(words) is not None


def redact_text(text: str, *, cards: bool = True) -> str:
    """Replace the tokens, credentials, e-mail addresses and card numbers in a text.

    Args:
        text: any text; the same object is returned when nothing was found.
        cards: look for card numbers too; off for identifiers, which may be long numbers.
    """
    if _SUSPICIOUS.search(text):
        clean = _TOKEN.sub(REDACTED, text)
        clean = _CREDENTIALS.sub(_hide_credentials, clean)
        clean = _EMAIL.sub(REDACTED, clean)
        text = clean if clean != text else text
    return _CARD.sub(_hide_card, text) if cards and _CARD.search(text) else text


def _hide_credentials(match: re.Match[str]) -> str:
    return (match[1] or match[2] or match[3]) + REDACTED


def _hide_card(match: re.Match[str]) -> str:
    digits = [int(digit) for digit in match[0] if digit.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    # Luhn's check (ISO/IEC 7812-1) keeps nine of ten other long numbers.
    return match[0] if (sum(digits[-1::-2]) + sum(doubled)) % 10 else REDACTED


def _is_known(dataset: str, name: str) -> bool:
    """Whether an event of a dataset can have a field, or a label, of that name."""
    return name.startswith("labels.") or any(
        fnmatchcase(name, known.name) for known in DATASETS[dataset]
    )


@dataclass(frozen=True, slots=True)
class Redaction:
    """What to remove from events.

    Attributes:
        keys: further names whose values are secret; case is ignored.
        hashed: fields or labels that are written as a salted hash, so that they stay joinable.
        salt: key of the hash, required with `hashed`; the same in all processes to be joined.
        allowed: by dataset, the fields a caller may fill in addition to the required ones; a label
            is `labels.<name>`. A dataset that is absent allows all fields.
    """

    keys: frozenset[str] = frozenset()
    hashed: frozenset[str] = frozenset()
    salt: str = field(default="", repr=False)
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := set(self.allowed) - set(DATASETS):
            raise ConfigurationError(
                f"Redaction allows fields of unknown datasets: {', '.join(sorted(unknown))}.",
                f"The datasets are: {', '.join(DATASETS)}.",
            )
        for dataset, names in self.allowed.items():
            if unknown_names := sorted(name for name in names if not _is_known(dataset, name)):
                raise ConfigurationError(
                    f"Redaction allows fields {dataset} does not have: {', '.join(unknown_names)}.",
                    "See docs/fields.md; a name that is not in it is a label: 'labels.<name>'.",
                )
        if self.hashed and not self.salt:
            raise ConfigurationError(
                "Redaction hashes fields without a salt.",
                "Give a secret salt, the same everywhere.",
            )

    def hash(self, value: str) -> str:
        """Hash a value (HMAC-SHA-256, 128 bits): equal values stay equal, none can be guessed."""
        data = value.encode("utf-8", "backslashreplace")
        return hmac.new(self.salt.encode(), data, hashlib.sha256).hexdigest()[:32]

    def hides(self, key: str) -> bool:
        """Whether a key's value is removed."""
        return is_secret_key(key) or key.rpartition(".")[2].lower() in self.keys
