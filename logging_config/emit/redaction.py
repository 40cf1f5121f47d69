"""Remove secrets and personal data before an event is serialized.

By key (`password`, `api_key`, …) at any depth, by pattern in any text (credentials, tokens, card
numbers, e-mail addresses), by a list of the fields a dataset may hold, and by a salted hash where
a value must stay joinable.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

import orjson

from mlmon.logging_config.emit.ids import is_harmless
from mlmon.logging_config.errors import ConfigurationError
from mlmon.logging_config.schema.fields import DATASETS, MAX_CACHED, MAX_DEPTH, MAX_KEYWORD

REDACTED_TEXT: Final = "[redacted]"
"""Written in place of a secret."""

_SHORT: Final = 64
_SECRET_KEY: Final = re.compile(
    r"passwords?\b|passwd\b|passphrase\b|\bpwd\b|secrets?\b|credentials?\b"
    r"|\b(?:proxy )?authorization\b|\bcookies?\b|\bdsn\b|\bauth$|\bbearer$|api ?key\b"
    r"|\b(?:access|account|auth|encryption|master|private|secret|shared|signing|ssh|storage"
    r"|subscription) ?keys?\b|\bamz (?:signature|security)"
    r"|\b(?:jwt|pin|otp|ssn|cvv|cvc|iban)$|(?:\b|access|auth|bearer|csrf|id|refresh|session)token$"
    r"|(?:^|\b(?:admin|database|db|ftp|http|ldap|login|mail|mongo|mysql|pg|postgres|proxy|redis"
    r"|root|smtp|ssh|sudo|user) )pass$"
)
_HEADER: Final = re.compile(r"(?i)(?:proxy-)?authorization|(?:set-)?cookie")
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
# A password may hold `/`, `@` and `,`: it ends at the last `@`. Digits before a `/` are a port.
_URL_USER: Final = re.compile(r"://[^/:@]*:(?!\d{1,5}[/?#])")
_RUN: Final = re.compile(r"[^\s\"'<>]+")
_SCHEME: Final = re.compile(r"(?i)(\b(?:bearer|basic|apikey)\s{1,4})(?=\S*[0-9=])[\w.~+/=:-]{6,}")
# Every secret's name holds one of these; it finds the names in a text.
_STEMS: Final = (
    "pass", "pwd", "secret", "credential", "authori", "cookie", "token", "key", "auth", "bearer",
    "dsn", "amz", "jwt", "pin", "otp", "ssn", "cvv", "cvc", "iban",
)  # fmt: skip
_NAME: Final = re.compile(r"[\w$][\w.$-]{0,127}")
# What follows a name: `name=`, `"name": `, `\"name\": `, `["name"] = `, `("name", `, `--name `.
_SEPARATOR: Final = re.compile(
    r"(?P<close>\\*[\"']\]?)?(?:(?P<assign>\s{0,4}(?:=>|:=|[=:])\s{0,4})|(?P<comma>\s{0,4},\s{0,4})"
    r"|(?P<tag>>)|(?P<space>[ \t]{1,4}))"
)
_PAIR: Final = re.compile(r"[(\[]\s?b?\\*[\"']\Z")
_END_OF_LINE: Final = re.compile(r"[\r\n]|\\[rn]|\Z")
_QUOTE: Final = re.compile(r"b?(\\*[\"'])")
_UNQUOTED: Final = re.compile(
    r"(?:[^\s\"'&<>,;)\]}]|[,;)\]}](?!\s|\\?[\"')\]}]|$|[\w.-]{1,64}\s?[=:]))+"
)
_TWO_WORDS: Final = re.compile(r"(?i)(?:bearer|basic|token|apikey|digest|negotiate)[ \t]+\S")
# A text without any of these holds no secret but, perhaps, a card number.
_SUSPICIOUS: Final = re.compile(
    r"[@=:<]|--|[(\[]\s?b?[\"']|eyJ|AKIA|ASIA|AIza|gh[pousr]_|github_|glpat-|xox|sk[-_]|rk[-_]|pk[-_]"
    r"|(?i:bearer|basic|apikey)"
)
_secret_names: dict[str, bool] = {}


def is_secret_key(key: str) -> bool:
    """Whether a key names a secret: `dbPassword`, `x-api-key`, `PGPASSWORD`."""
    known = _secret_names.get(key)
    if known is None:
        words = " ".join(_WORD.findall(key)).lower()
        known = _SECRET_KEY.search(words) is not None
        if len(_secret_names) >= MAX_CACHED:
            _secret_names.clear()
        _secret_names[key] = known
    return known


class Redactor:
    """Removes secrets from texts and nested values.

    Args:
        keys: names beyond the built-in ones whose values are secret, in lower case.

    Attributes:
        clean: short texts that hold no secret.
        clean_ids: short ids that hold no secret; they may look like card numbers.
        messages: short messages that hold no secret, with their JSON.
    """

    __slots__ = ("_keys", "_stems", "clean", "clean_ids", "messages")

    def __init__(self, keys: frozenset[str] = frozenset()) -> None:
        self._keys = keys
        self._stems = re.compile("|".join((*_STEMS, *map(re.escape, sorted(keys)))), re.IGNORECASE)
        self.clean: set[str] = set()
        self.clean_ids: set[str] = set()
        self.messages: dict[str, bytes] = {}

    def hides(self, key: str) -> bool:
        """Whether a key's value is removed."""
        return is_secret_key(key) or (
            bool(self._keys) and key.rpartition(".")[2].lower() in self._keys
        )

    def is_clean(
        self, text: Any, *, max_length: int = MAX_KEYWORD, identifier: bool = False
    ) -> bool:
        """Whether a text may be written without a change; short clean ones are cached.

        Args:
            text: any value; only a `str` can be clean.
            max_length: characters it may have.
            identifier: whether it joins events, so that it is not redacted as a card number; a text
                that is clean as an id may not be clean as a text.
        """
        if type(text) is not str or len(text) > max_length:
            return False
        known = self.clean_ids if identifier else self.clean
        if text in known:
            return True
        harmless = identifier and is_harmless(text)
        if not harmless and self.redact(text, cards=not identifier) is not text:
            return False
        if len(text) <= _SHORT:
            if len(known) >= MAX_CACHED:
                known.clear()
            known.add(text)
        return True

    def redact(self, text: str, *, cards: bool = True) -> str:
        """Replace the credentials, tokens, e-mail addresses and card numbers in a text.

        Args:
            text: any text; the same object is returned when nothing was found.
            cards: look for card numbers too; off for identifiers, which may be long numbers.
        """
        if _SUSPICIOUS.search(text):
            clean = _TOKEN.sub(REDACTED_TEXT, text)
            clean = self._redact_named(clean)
            clean = _SCHEME.sub(_keep_prefix, clean)
            if "://" in clean and "@" in clean:
                clean = _RUN.sub(_hide_url_password, clean)
            clean = _EMAIL.sub(REDACTED_TEXT, clean)
            if clean.lstrip()[:1] in ("{", "["):
                clean = self._redact_json(clean)
            text = clean if clean != text else text
        return _CARD.sub(_hide_card, text) if cards and _CARD.search(text) else text

    def redact_value(self, value: Any, record: Callable[[], None], depth: int = 0) -> Any:
        """Replace the secrets in a JSON value by key, pair and text, at any depth.

        A pair is a list of a secret's name and its value, or a mapping with `name` and `value`.

        Args:
            value: the value; it is not changed, and returned if nothing was found.
            record: called for each replacement.
            depth: levels above the value.
        """
        if isinstance(value, str):
            clean = self.redact(value)
            if clean is not value:
                record()
            return clean
        if depth > 2 * MAX_DEPTH:
            return value
        if isinstance(value, dict):
            return self._redact_mapping(value, record, depth)
        if isinstance(value, list):
            return self._redact_list(value, record, depth)
        return value

    def _redact_mapping(
        self, value: dict[str, Any], record: Callable[[], None], depth: int
    ) -> dict[str, Any]:
        named = next((value[key] for key in ("name", "key", "header") if key in value), None)
        is_pair = isinstance(named, str) and "value" in value and self.hides(named)
        clean = {}
        for key, item in value.items():
            if self.hides(key) or (is_pair and key == "value"):
                clean[key] = self._hide(item, record)
            else:
                clean[self.redact(key)] = self.redact_value(item, record, depth + 1)
        return clean

    def _redact_list(self, value: list[Any], record: Callable[[], None], depth: int) -> list[Any]:
        clean: list[Any] = []
        hide_next = False
        for index, item in enumerate(value):
            clean.append(
                self._hide(item, record)
                if hide_next
                else self.redact_value(item, record, depth + 1)
            )
            is_name = isinstance(item, str) and len(item) <= 128 and not hide_next  # noqa: PLR2004 -- as in _NAMED
            hide_next = (
                is_name
                and (item.startswith("-") or (index == 0 and len(value) == 2))  # noqa: PLR2004 -- a pair
                and self.hides(item)
            )
        return clean

    @staticmethod
    def _hide(item: Any, record: Callable[[], None]) -> Any:
        if item is None or item == REDACTED_TEXT:
            return item
        record()
        return REDACTED_TEXT

    def _redact_json(self, text: str) -> str:
        """Redact a text that is JSON by its structure; return any other text unchanged."""
        try:
            value = orjson.loads(text)
        except ValueError:
            return text
        found: list[None] = []
        clean = self.redact_value(value, lambda: found.append(None))
        return orjson.dumps(clean).decode() if found else text

    def _redact_named(self, text: str) -> str:
        """Replace the values of secret names in free text."""
        parts: list[str] = []
        end = position = 0
        for stem in self._stems.finditer(text):
            if stem.start() < position:
                continue
            begin = _name_start(text, stem.start(), position)
            name = _NAME.match(text, begin)
            if name is None or not self.hides(name[0].rstrip(".-")):
                continue
            position = name.end()
            start, stop = _value_span(text, begin, name)
            value = text[start:stop]
            if not value.strip() or value == REDACTED_TEXT:
                continue
            parts += (text[end:start], _redacted_like(value, text[name.end() : start]))
            end = position = stop
        return "".join((*parts, text[end:])) if parts else text


def _name_start(text: str, position: int, least: int) -> int:
    """Return where the name around a position begins."""
    least = max(least, position - 120)
    while position > least and (text[position - 1].isalnum() or text[position - 1] in "_.$-"):
        position -= 1
    while text[position] in ".-":
        position += 1
    return position


def _value_span(text: str, begin: int, name: re.Match[str]) -> tuple[int, int]:
    """Return where the value of a secret's name begins and ends; an empty span if it has none."""
    separator = _SEPARATOR.match(text, name.end())
    if separator is None:
        return begin, begin
    start = separator.end()
    before = text[max(0, begin - 4) : begin]
    if separator["tag"] is not None:
        end = text.find("<", start) if before.endswith("<") else start
        return start, end if end >= 0 else len(text)
    is_assigned = (
        separator["assign"] is not None
        or (separator["comma"] is not None and separator["close"] and _PAIR.search(before))
        or (separator["space"] is not None and before.endswith("-") and not separator["close"])
    )
    if not is_assigned:
        return begin, begin
    if _HEADER.fullmatch(name[0]) and not _QUOTE.match(text, start):
        return start, _header_end(text, start, before)
    return start, _value_end(text, start)


def _header_end(text: str, start: int, before: str) -> int:
    """Return the end of a header's value: the quote that opened the header, or the line's end."""
    line_end = _END_OF_LINE.search(text, start)
    stop = line_end.start() if line_end else len(text)
    quote = text.find(before[-1], start, stop) if before.endswith(("'", '"')) else -1
    return quote if quote >= 0 else stop


def _value_end(text: str, start: int) -> int:
    """Return where the value that begins at `start` ends."""
    if quote := _QUOTE.match(text, start):
        return _quoted_end(text, quote.end(), quote[1])
    if text[start : start + 1] in ("[", "{", "("):
        return _bracket_end(text, start)
    word = _UNQUOTED.match(text, start)
    if word is None:
        return start
    if _TWO_WORDS.match(text, start):
        second = _UNQUOTED.match(text, _skip_blank(text, word.end()))
        return second.end() if second else word.end()
    return word.end()


def _skip_blank(text: str, start: int) -> int:
    while text[start : start + 1] in (" ", "\t"):
        start += 1
    return start


def _quoted_end(text: str, start: int, quote: str) -> int:
    """Return the end of a quoted value, its quote included: the same quote, not escaped further."""
    position = start
    while (found := text.find(quote, position)) >= 0:
        if text[found - 1] != "\\" or found == start:
            return found + len(quote)
        position = found + 1
    return len(text)


def _bracket_end(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        if text[index] in "[{(":
            depth += 1
        elif text[index] in "]})":
            depth -= 1
            if depth == 0:
                return index + 1
    return len(text)


def _redacted_like(value: str, separator: str) -> str:
    """Return the replacement of a value, in its quotes, or in those of its name."""
    quote = _QUOTE.match(value)
    if quote is None:
        named = _QUOTE.match(separator)
        in_quotes = named is not None and separator[named.end() : named.end() + 1] != "]"
        return f"{named[1]}{REDACTED_TEXT}{named[1]}" if named and in_quotes else REDACTED_TEXT
    closing = quote[1] if value.endswith(quote[1]) and len(value) > quote.end() else ""
    return f"{value[: quote.end()]}{REDACTED_TEXT}{closing}"


def _keep_prefix(match: re.Match[str]) -> str:
    return match[1] + REDACTED_TEXT


def _hide_url_password(match: re.Match[str]) -> str:
    run = match[0]
    at = run.rfind("@")
    user = _URL_USER.search(run, 0, at) if at >= 0 else None
    return f"{run[: user.end()]}{REDACTED_TEXT}{run[at:]}" if user and user.end() < at else run


def _hide_card(match: re.Match[str]) -> str:
    digits = [int(digit) for digit in match[0] if digit.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    # Luhn's check (ISO/IEC 7812-1) keeps nine of ten other long numbers.
    return match[0] if (sum(digits[-1::-2]) + sum(doubled)) % 10 else REDACTED_TEXT


_built_in: Final = Redactor()
redact_text: Final = _built_in.redact
"""Replace the secrets in a text; the same object is returned when nothing was found."""


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

    def redactor(self) -> Redactor:
        """Return what removes the secrets; without further keys one is shared by all logs."""
        if not self.keys:
            return _built_in
        return Redactor(frozenset(key.lower() for key in self.keys))
