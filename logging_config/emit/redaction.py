"""Remove secrets and personal data before an event is serialized.

By key (`password`, `api_key`, …) at any depth, by pattern in any text (credentials, tokens, card
numbers, e-mail addresses), by a list of the fields a dataset may hold, and by a salted hash where
a value must stay joinable.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
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
    r"passwords?\b|passwd\b|pass ?(?:phrase|code|key)s?\b|pwd?s?\b|secrets?\b|credentials?\b"
    r"|\b(?:proxy )?authorization\b|\bcookies?\b|\bdsn\b|\bauth(?: ?header)?$|\bbearer$"
    r"|api ?keys?\b|\b(?:access|account|auth|cookie|crypto|decryption|deploy|encryption|license"
    r"|master|pre ?shared|private|root|secret|service|session|shared|signing|storage|subscription"
    r"|webhook"
    r"|aes|gpg|hmac|jwt|pgp|rsa|ssh|ssl|tls"
    r"|algolia|anthropic|aws|azure|cloudflare|cohere|datadog|firebase|gcp|gemini|github|gitlab|google"
    r"|groq|hf|huggingface|mailgun|mistral|newrelic|openai|pinecone|sendgrid|sentry|slack|stripe"
    r"|supabase|twilio) ?keys?\b|\b(?:amz|goog) (?:signature|security)"
    r"|(?:\b|access|api|auth|bearer|csrf|id|refresh|session)token$"
    r"|\b(?:access|api|auth|bearer|csrf|id|refresh|session) ?tokens$|sess(?:ion)? ?id$"
    r"|\b(?:discord|incoming|mattermost|slack|teams) ?webhooks?$|\bwebhook ur[li]s?$"
    r"|\b(?:jwt|pin|otp|psk|ssn|cvv|cvc|iban)$"
    r"|(?:^|\b(?:admin|amqp|app|bind|database|db|elastic|ftp|git|http|imap|jdbc|kafka|key|ldap|login"
    r"|mail|mongo|mq|mysql|oracle|pg|postgres|proxy|rabbitmq|redis|root|sasl|service|smtp|sql|ssh"
    r"|store|sudo|svc|truststore|keystore|user|vpn|wifi) ?)pass$"
)
# A measurement of a secret, such as `password_age_days`, is none.
_MEASURE: Final = re.compile(r" (?:ages?|counts?|length|strength|days|hours|minutes|seconds|ms)$")
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
    r"|\b(?:A(?:KIA|SIA)[0-9A-Z]{16}\b"
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|gl(?:pat|rt)-[\w-]{16,}"
    r"|x(?:ox[abeoprs]-[\w-]{8,}|app-[\w-]{16,})"
    r"|[srp]k[-_](?:live[-_]|test[-_]|proj-|ant-)?[\w-]{16,}"
    r"|AIza[\w-]{30,}|pypi-AgE[\w-]{16,}|hv[sbr]\.[\w-]{16,}|ya29\.[\w-]{16,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|do[por]_v1_[0-9a-f]{32,}|shp(?:at|ss|ca|pa)_[A-Za-z0-9]{16,}"
    r"|(?:hf|npm|gsk|pcsk|whsec|dckr_pat)_[A-Za-z0-9+/=-]{16,})"
)
# What stands before a secret that has no name of its own; the rest is its value.
_UNNAMED: Final = re.compile(
    r"(?P<prefix>\bhooks\.slack\.com/(?:services|workflows|triggers)/"
    r"|\bdiscord(?:app)?\.com/api/webhooks/\d{1,32}/"
    r"|[?&](?:sig|[Xx]-[Gg]oog-[Ss]ignature)="
    r"|\bcurl\b[^\r\n]{0,256}?\s(?:-u|-U|--user|--proxy-user)[ =]?\\?[\"']?[^\s:\"']{1,128}:"
    r"|\b(?:mysql|mariadb)[a-z-]{0,16}\b[^\r\n]{0,256}?\s-p(?=\S)"
    r"|\b(?:sshpass|docker login|podman login|mongo[a-z]{0,8})\b[^\r\n]{0,256}?\s-p[ =]?(?=\S)"
    r"|\bredis-cli\b[^\r\n]{0,256}?\s-a[ =]?(?=\S))(?P<quote>\\?[\"'])?[^\s\"'&<>]+"
)
_BEFORE_UNNAMED: Final = (
    "hooks.slack.com", "/api/webhooks/", "sig=", "ignature=", "curl", "mysql", "mariadb", "sshpass",
    " login", "mongo", "redis-cli",
)  # fmt: skip
# A password may hold `/`, `@` and `,`: it ends at the last `@`. Digits before a `/` are a port.
_URL_USER: Final = re.compile(r"://[^/:@]*:(?!\d{1,5}[/?#])")
_RUN: Final = re.compile(r"[^\s\"'<>]+")
_SCHEME: Final = re.compile(r"(?i)(\b(?:bearer|basic|apikey)\s{1,4})(?=\S*[0-9=])[\w.~+/=:-]{6,}")
# Every secret's name holds one of these; it finds the names in a text.
_STEMS: Final = (
    "pass", "pw", "secret", "credential", "cookie", "token", "key", "auth", "bearer",
    "dsn", "amz", "jwt", "pin", "otp", "ssn", "cvv", "cvc", "iban", "psk", "sess",
    "webhook",
)  # fmt: skip
_NAME: Final = re.compile(r"[\w$][\w.$-]{0,127}")
# What follows a name: `name=`, `"name": `, `\"name\": `, `["name"] = `, `("name", `, `--name `.
_SEPARATOR: Final = re.compile(
    r"(?P<close>\\*[\"']\]?)?(?:(?P<assign>\s{0,4}(?:=>|:=|[=:])\s{0,4})|(?P<comma>\s{0,4},\s{0,4})"
    r"|(?P<space>[ \t]{1,4}))"
)
# `<password>`, `<wsse:Password Type="…">`; the value may be CDATA.
_TAG: Final = re.compile(r"<(?:[\w.-]{1,64}:)?\Z")
_ATTRIBUTES: Final = re.compile(r"(?:\s[^<>]{0,1024})?(?<!/)>\s{0,64}(?P<cdata><!\[CDATA\[)?")
# `"name": "DB_PASSWORD", "value": `, `key="DB_PASSWORD" value=`, `name: DB_PASSWORD`, `value:`.
_PAIR_NAME: Final = re.compile(
    r"(?i)\b(?:name|key|header|variable)\\*[\"']?\s{0,4}(?:=>|[=:])\s{0,4}\\*[\"']?\Z"
)
_PAIR_VALUE: Final = re.compile(
    r"(?i)\\*[\"']?[\s,;]{0,64}\\*[\"']?val(?:ue)?\\*[\"']?\s{0,4}(?:=>|[=:])\s{0,4}"
)
# `str = ` of `password: str = "…"`.
_ANNOTATION: Final = re.compile(
    r"[A-Za-z_][\w.]{0,64}(?:\[[^\]\r\n]{0,128}\]{1,3})?(?:\s?\|\s?[A-Za-z_][\w.]{0,64}){0,4}"
    r"\s{0,2}=\s{0,2}(?=[\w\"'(\[{\\])"
)
_CALL: Final = re.compile(r"[A-Za-z_][\w.]{0,128}[(\[]")
_CHAINED: Final = re.compile(r"[\w.]{0,128}[(\[]")
_IN_CALL: Final = re.compile(r"(?P<quote>\\*[\"'])|[(\[{]|(?P<end>[)\]}])")
_MAX_CALL: Final = 2048
# ` or ` of `password = given or "…"`, where a quoted text follows.
_OPERATOR: Final = re.compile(
    r"[ \t]{1,4}(?:or|and|if|else|\+|\|\||\?\?)[ \t]{1,4}"
    r"(?=(?:[\w.]{1,64}[ \t]{1,4}(?:or|and|if|else|\+|\|\||\?\?)[ \t]{1,4}){0,3}"
    r"[\w.(\[]{0,64}\\*[\"'])"
)
_PAIR: Final = re.compile(r"[(\[]\s?b?\\*[\"']\Z")
_END_OF_LINE: Final = re.compile(r"[\r\n]|\\[rn]|\Z")
_QUOTE: Final = re.compile(r"(?:[BbFfRrUu]{1,2})?(\"\"\"|'''|\\*[\"'])")
_UNQUOTED: Final = re.compile(
    r"(?:[^\s\"'&<>,;)\]}]|[,;)\]}](?!\s|\\?[\"')\]}]|$|[\w.-]{1,64}\s?[=:]))+"
)
_TWO_WORDS: Final = re.compile(r"(?i)(?:bearer|basic|token|apikey|digest|negotiate)[ \t]+\S")
# A text without any of these holds no secret but, perhaps, a card number.
_SUSPICIOUS: Final = re.compile(
    r"[@=:<]|-(?:-|(?<=\s-)[pauU]|(?<=glpat-)|(?<=glrt-)|(?<=pypi-)|(?<=xapp-)|(?<=[srp]k-))"
    r"|_(?:(?<=gh[pousr]_)|(?<=github_)|(?<=k_)|(?<=hf_)|(?<=npm_)|(?<=whsec_)|(?<=_pat_)"
    r"|(?<=_v1_)|(?<=shpat_)|(?<=shpss_)|(?<=shpca_)|(?<=shppa_))"
    r"|\.(?:com/|(?<=hv[sbr]\.)|(?<=SG\.)|(?<=ya29\.))"
    r"|[(\[]\s?b?[\"']|eyJ|AKIA|ASIA|AIza|xox|[bB](?i:earer|asic)|[aA](?i:pikey)"
)
_NAME_KEYS: Final = frozenset({"name", "key", "header", "variable", "k"})
_VALUE_KEYS: Final = frozenset({"value", "val", "values", "v"})
_secret_names: dict[str, bool] = {}


def is_secret_key(key: str) -> bool:
    """Whether a key names a secret: `dbPassword`, `x-api-key`, `PGPASSWORD`."""
    known = _secret_names.get(key)
    if known is None:
        words = " ".join(_WORD.findall(key)).lower()
        known = _SECRET_KEY.search(words) is not None and not _MEASURE.search(words)
        if len(_secret_names) >= MAX_CACHED:
            _secret_names.clear()
        _secret_names[key] = known
    return known


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of any of some texts, grouped by their first letters, which is faster."""
    groups: dict[str, list[str]] = {}
    for text in sorted(filter(None, texts)):
        groups.setdefault(text[0], []).append(re.escape(text[1:]))
    choices = (f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in groups.items())
    return re.compile("|".join(choices), re.IGNORECASE)


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
        self._stems = _any_of({*_STEMS, *keys})
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
            if any(map(clean.__contains__, _BEFORE_UNNAMED)):
                clean = _UNNAMED.sub(_hide_unnamed, clean)
            if "://" in clean and "@" in clean:
                clean = _RUN.sub(_hide_url_password, clean)
            clean = _EMAIL.sub(REDACTED_TEXT, clean)
            if clean.lstrip()[:1] in ("{", "["):
                clean = self._redact_json(clean)
            text = clean if clean != text else text
        return _CARD.sub(_hide_card, text) if cards and _CARD.search(text) else text

    def redact_value(self, value: Any, record: Callable[[], None], depth: int = 0) -> Any:
        """Replace the secrets in a JSON value by key, pair and text, at any depth.

        A pair is a list of a secret's name and its value, or a mapping with `name` and `value`, in
        any case.

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
        is_pair = any(
            key.lower() in _NAME_KEYS and isinstance(item, str) and self.hides(item)
            for key, item in value.items()
        )
        clean = {}
        for key, item in value.items():
            if self.hides(key) or (is_pair and key.lower() in _VALUE_KEYS):
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
    before = text[max(0, begin - 80) : begin]
    if _TAG.search(before):
        return _element_span(text, name)
    if _PAIR_NAME.search(before) and (pair := _PAIR_VALUE.match(text, name.end())):
        return pair.end(), _value_end(text, pair.end())
    separator = _SEPARATOR.match(text, name.end())
    if separator is None:
        return begin, begin
    start = separator.end()
    before = before[-4:]
    is_assigned = (
        separator["assign"] is not None
        or (separator["comma"] is not None and separator["close"] and _PAIR.search(before))
        or (separator["space"] is not None and before.endswith("-") and not separator["close"])
    )
    if not is_assigned:
        return begin, begin
    if _HEADER.fullmatch(name[0]) and not _QUOTE.match(text, start):
        return start, _header_end(text, start, before)
    annotation = _ANNOTATION.match(text, start) if ":" in separator[0] else None
    return start, _value_end(text, annotation.end() if annotation else start)


def _element_span(text: str, name: re.Match[str]) -> tuple[int, int]:
    """Return where the text of an XML element begins and ends; an empty span if it has none."""
    opened = _ATTRIBUTES.match(text, name.end())
    if opened is None:
        return name.end(), name.end()
    end = text.find("]]>" if opened["cdata"] else "<", opened.end())
    return opened.end(), end if end >= 0 else len(text)


def _header_end(text: str, start: int, before: str) -> int:
    """Return the end of a header's value: the quote that opened the header, or the line's end."""
    line_end = _END_OF_LINE.search(text, start)
    stop = line_end.start() if line_end else len(text)
    quote = text.find(before[-1], start, stop) if before.endswith(("'", '"')) else -1
    return quote if quote >= 0 else stop


def _value_end(text: str, start: int) -> int:
    """Return where the value that begins at `start` ends, with what is added to it by operators."""
    end = _operand_end(text, start)
    while operator := _OPERATOR.match(text, end):
        end = _operand_end(text, operator.end())
    return end


def _operand_end(text: str, start: int) -> int:
    if quote := _QUOTE.match(text, start):
        return _quoted_end(text, quote.end(), quote[1])
    if text[start : start + 1] in ("[", "{", "("):
        return _bracket_end(text, start)
    if call := _CALL.match(text, start):
        end = _call_end(text, call.end())
        if end:
            return end
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


def _call_end(text: str, start: int) -> int:
    """Return the end of a call or subscript, and of those that follow it; 0 if it is none.

    A line of source may end before the call does.

    Args:
        text: the text.
        start: where the first argument begins.
    """
    depth, position, limit = 1, start, start + _MAX_CALL
    while depth and (found := _IN_CALL.search(text, position, limit)):
        position = found.end()
        if found["quote"]:
            position = _quoted_end(text, position, found["quote"])
        else:
            depth += -1 if found["end"] else 1
    if depth:
        line_end = _END_OF_LINE.search(text, start, limit)
        stop = line_end.start() if line_end else min(limit, len(text))
        return stop if _QUOTE.match(text, start) else 0
    following = _CHAINED.match(text, position)
    return (_call_end(text, following.end()) or position) if following else position


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


def _hide_unnamed(match: re.Match[str]) -> str:
    return f"{match['prefix']}{match['quote'] or ''}{REDACTED_TEXT}"


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
