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
from unicodedata import normalize

import orjson

from mlmon.logging_config.emit import command_lines, tables
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
    r"|\b(?:jwt|pin|otp|totp|psk|ssn|cvv|cvc|iban)(?: ?(?:code|value))?$"
    r"|token (?:value|string)$|\b(?:c|x)srf[a-z]{0,16}token$|\b(?:connect|express|koa) s(?:id|ess)$"
    r"|passwort\b|kennwort\b|\bcontrasenas?\b|\bmots? ?de ?passe\b|\bsenhas?\b|\bparola\b|\bhaslo\b"
    r"|wachtwoord\b|\blosenord\b|пароль|密码|密碼|密码|パスワード|비밀번호"
    r"|(?:^|\b(?:admin|amqp|app|bind|database|db|elastic|ftp|git|http|imap|jdbc|kafka|key|ldap|login"
    r"|mail|mongo|mq|mysql|oracle|pg|postgres|proxy|rabbitmq|redis|root|sasl|service|smtp|sql|ssh"
    r"|store|sudo|svc|truststore|keystore|user|vpn|wifi) ?)pass$"
)
# A measurement of a secret, such as `password_age_days`, is none.
_MEASURE: Final = re.compile(r" (?:ages?|counts?|length|strength|days|hours|minutes|seconds|ms)$")
_HEADER: Final = re.compile(r"(?i)(?:proxy-)?authorization|(?:set-)?cookie")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")

# Each pattern begins where a run of its characters begins, so that a long text costs linear time.
_EMAIL: Final = re.compile(
    r"(?<![\w.%+-])[\w.%+-]+@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
)
_CARD: Final = re.compile(
    r"(?<![0-9A-Za-z.-])[2-6]\d{3}(?:\d{9,15}|([ -])\d{4}\1\d{4}\1\d{1,7}|([ -])\d{6}\2\d{5})"
    r"(?![0-9A-Za-z-])"
)
_TOKEN: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
    r"(?:-----END [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----|\Z)"
    r"|(?<![\w-])eyJ[\w-]{6,}\.[\w-]+\.[\w-]*"
    r"|\b(?:A(?:KIA|SIA)[0-9A-Z]{16}\b"
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|gl(?:pat|rt)-[\w-]{16,}"
    r"|x(?:ox[abeoprs]-[\w-]{8,}|app-[\w-]{16,})"
    r"|[srp]k[-_](?:live[-_]|test[-_]|proj-|ant-)?[\w-]{16,}"
    r"|AIza[\w-]{30,}|pypi-AgE[\w-]{16,}|hv[sbr]\.[\w-]{16,}|ya29\.[\w-]{16,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|do[por]_v1_[0-9a-f]{32,}|shp(?:at|ss|ca|pa)_[A-Za-z0-9]{16,}"
    r"|ATATT3[\w=-]{16,}|tskey-[a-z]{2,16}-[\w-]{8,}|(?:xai|nvapi|pplx)-[\w-]{16,}"
    r"|dapi[0-9a-f]{32}(?:-\d)?|[MNO][\w-]{22,27}\.[\w-]{6}\.[\w-]{27,}"
    r"|(?:hf|npm|gsk|pcsk|whsec|dckr_pat|lin_api|r8)_[A-Za-z0-9+/=-]{16,})"
)
# What stands before a secret that has no name of its own; the rest is its value.
_UNNAMED: Final = re.compile(
    r"(?P<prefix>\bhooks\.slack\.com/(?:services|workflows|triggers)/"
    r"|\bdiscord(?:app)?\.com/api/webhooks/\d{1,32}/"
    r"|[?&](?:sig|[Xx]-[Gg]oog-[Ss]ignature)="
    r"|\bhooks\.zapier\.com/hooks/catch/|\boutlook\.office(?:365)?\.com/webhook/"
    r"|\.webhook\.office\.com/webhookb2/"
    # SQL: `IDENTIFIED BY 'S'`, `ALTER USER bob WITH PASSWORD 'S'`.
    r"|(?i:\bidentified\s{1,4}(?:with\s{1,4}\S{1,64}\s{1,4})?(?:by|as)\s{1,4}"
    r"(?:password\s{1,4})?)(?=\\?[\"'])"
    r"|(?i:\b(?:with|encrypted|(?:user|role)\s{1,4}\S{1,64})\s{1,4}password\s{1,4})(?=\\?[\"'])"
    rf"|{command_lines.TEXT_PATTERN})"
    r"(?:(?P<quote>\\?[\"'])(?:(?!(?P=quote))[^\r\n])+|[^\s\"'&<>]+)"
)
_BEFORE_UNNAMED: Final = (
    "hooks.slack.com", "/api/webhooks/", "sig=", "ignature=", "hooks.zapier.com", "/webhook",
    "dentified", "DENTIFIED", "assword ", "ASSWORD ", *command_lines.BEFORE,
)  # fmt: skip
_BEFORE_TABLES: Final = ("INTO ", "into ", "Into ", "[parameters: ")
# A password may hold `/`, `@` and `,`: it ends at the last `@`. Digits before a `/` are a port.
_URL_USER: Final = re.compile(r"://[^/:@]*:(?!\d{1,5}[/?#])")
_RUN: Final = re.compile(r"[^\s\"'<>]+")
_SCHEME: Final = re.compile(r"(?i)(\b(?:bearer|basic|apikey)\s{1,4})(?=\S*[0-9=])[\w.~+/=:-]{6,}")
_TELEGRAM: Final = re.compile(r"(/bot)\d{3,16}:[\w-]{16,}")
# Every secret's name holds one of these; it finds the names in a text.
_STEMS: Final = (
    "pass", "pw", "secret", "credential", "cookie", "token", "key", "auth", "bearer",
    "dsn", "amz", "jwt", "pin", "otp", "ssn", "cvv", "cvc", "iban", "psk", "sess",
    "webhook", "connect.s", "kennwort", "senha", "parola", "wachtwoord",
)  # fmt: skip
# Only where a text is not ASCII; more first letters make the search slower.
_FOREIGN_STEMS: Final = (
    "contrase", "hasło", "lösenord", "пароль", "密码", "密碼", "パスワード", "비밀번호",
    "\uff50\uff41\uff53\uff53",  # full-width `pass`
)  # fmt: skip
_NAME: Final = re.compile(r"[\w$][\w.$-]{0,127}")
# What follows a name: `name=`, `"name": `, `\"name\": `, `["name"] = `, `("name", `, `--name `.
_SEPARATOR: Final = re.compile(
    r"(?P<close>\\*[\"']\]?)?(?:(?P<assign>(?:[ \t]{0,64}|\s{0,4})(?:=>|:=|::(?=\s)|[=:])\s{0,4})"
    r"|(?P<arrow>\s{0,4}->\s{0,4})|(?P<call>\(\s{0,4}(?=\\*[\"']))|(?P<comma>\s{0,4},\s{0,4})"
    r"|(?P<encoded>(?:%(?:25){0,3}2[27])?(?:%(?:25){0,3}20|\+)?%(?:25){0,3}3[ADad]"
    r"(?:%(?:25){0,3}20|\+)?(?:%(?:25){0,3}2[27])?)|(?P<space>[ \t]{1,4}))"
)
# A percent-encoded value ends at an encoded `&`, quote, comma, `;` or bracket.
_ENCODED_VALUE: Final = re.compile(
    r"(?:[^\s\"'<>&;%]|%(?!(?:25){0,3}(?:26|2[27Cc]|3[Bb]|[57][Dd])))+"
)
_ENCODED: Final = re.compile(r"(?:25){0,3}[0-9A-Fa-f]{2}")
# Dockerfile: `ENV DB_PASSWORD S`; the value is the rest of the line.
_DECLARED: Final = re.compile(r"\b(?:ENV|ARG)[ \t]{1,4}\Z")
# A call that sets a secret: `setPassword("S")`, `builder.password("S")`; not `getPassword("name")`.
_SETTER: Final = re.compile(
    r"(?i)(?:.*\.)?_*(?:(?:set|with|add|use|put)[\w$]*?|(?<=\.))"
    r"(?:passw(?:or)?d|passphrase|pwd|secret|credential|api_?key|access_?key|token)s?"
)
_NEXT_ARGUMENT: Final = re.compile(r"\s{0,4},\s{0,4}(?=\\*[\"'])")
_AMBIGUOUS: Final = re.compile(r"(?i)(?:token|auth|authorization|bearer|cookie|pin|pass)s?\Z")
# A block of YAML: `password: |`, then indented lines.
_BLOCK: Final = re.compile(
    r"[|>][-+\d]{0,2}[ \t]{0,8}(?:\r?\n(?P<indent>[ \t]{1,64})[^\r\n]*"
    r"(?:\r?\n(?:(?P=indent)[^\r\n]*|[ \t]{0,64}(?=[\r\n])))*"
    r"|(?:\\r)?\\n(?P<escaped>[ ]{1,64})(?:[^\r\n\\\"']|\\(?!r?n))*"
    r"(?:(?:\\r)?\\n(?P=escaped)(?:[^\r\n\\\"']|\\(?!r?n))*)*)"
)
# A header's value goes on in an indented line where it is not complete.
_FOLDED: Final = re.compile(r"(?:\r?\n|(?:\\r)?\\n)[ \t]{1,64}(?=[^\s\\])")
_UNFINISHED: Final = re.compile(
    r"(?i)(?:\s*(?:bearer|basic|token|apikey|digest|negotiate)?\s*|[\s\S]*[;,]\s*)"
)
# A part of a form: `name="password"`, an empty line, the value, and the next boundary.
_PART: Final = re.compile(
    r"\\*\"(?:[^\r\n]{0,256}(?:\r?\n[^\r\n]{1,256}){0,4}\r?\n\r?\n"
    r"|[^\r\n\\]{0,256}(?:\\r)?\\n(?:\\r)?\\n)"
)
_PART_END: Final = re.compile(r"(?:\r?\n|(?:\\r)?\\n)--|\Z")
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
# `value="S" name="DB_PASSWORD"`, up to the name.
_VALUE_BEFORE: Final = re.compile(
    r"(?i)\bval(?:ue)?\\*[\"']?\s{0,4}(?:=>|[=:])\s{0,4}"
    r"(?P<value>(?P<quote>\\*[\"'])(?:(?!(?P=quote))[^\r\n])*(?P=quote)|[^\s,;\"'<>]+)"
    r"[\s,;]{1,16}(?:[\w-]{1,32}=\\*[\"'][^\"'<>]{0,64}[\"']\s{1,4}){0,4}"
    r"\\*[\"']?(?:name|key|header|variable)\\*[\"']?\s{0,4}(?:=>|[=:])\s{0,4}\\*[\"']?\Z"
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
_TWO_WORDS: Final = re.compile(
    r"(?i)(?:bearer|basic|token|apikey|digest|negotiate)(?:[ \t]+|[ \t]*\r?\n[ \t]+)(?=\S)"
)
# A text without any of these holds no secret but, perhaps, a card number. Most characters of a text
# are in neither class, so that they cost one comparison.
_SUSPICIOUS: Final = re.compile(
    r"[@=:<]|[-_.%\"'(\[EAJxpbBkK](?:"
    r"(?<=-)(?:[->]|(?<=\s-)[pauU]|(?<=glpat-)|(?<=glrt-)|(?<=pypi-)|(?<=xapp-)|(?<=[srp]k-)"
    r"|(?<=tskey-)|(?<=xai-)|(?<=nvapi-)|(?<=pplx-))"
    r"|(?<=_)(?:(?<=gh[pousr]_)|(?<=github_)|(?<=k_)|(?<=hf_)|(?<=npm_)|(?<=whsec_)|(?<=_pat_)"
    r"|(?<=lin_api_)|(?<=r8_)|(?<=_v1_)|(?<=shpat_)|(?<=shpss_)|(?<=shpca_)|(?<=shppa_))"
    r"|(?<=\.)(?:com/|(?<=hv[sbr]\.)|(?<=SG\.)|(?<=ya29\.)|(?<=[\w-]{23}\.))"
    r"|(?<=[dDyYsS]\s[\"'])|(?<=[(\[])\s?b?[\"']|(?<=%)(?:25)*3[ADad]"
    r"|(?<=E)NV\s|(?<=A)(?:RG\s|KIA|SIA|Iza|TATT3)|(?<=eyJ)|(?<=x)ox|(?<=dap)i[0-9a-f]"
    r"|(?<=[bB])(?i:earer|asic)|(?<=[aA][pP][iI][kK])(?i:ey))"
)
_NAME_KEYS: Final = frozenset({"name", "key", "header", "variable", "k"})
_VALUE_KEYS: Final = frozenset({"value", "val", "values", "v"})
_TOKENS: Final = re.compile(r"(?i)(?:\A|[._])tokens\Z")
# Eight characters or more, with a digit, a lower-case and an upper-case letter; no blank.
_CREDENTIAL: Final = re.compile(r"(?=\S*\d)(?=\S*[a-z])(?=\S*[A-Z])\S{8,4096}")
_secret_names: dict[str, bool] = {}


def is_secret_key(key: str) -> bool:
    """Whether a key names a secret: `dbPassword`, `x-api-key`, `PGPASSWORD`."""
    known = _secret_names.get(key)
    if known is None:
        words = " ".join(_WORD.findall(_without_accents(key))).lower()
        known = _SECRET_KEY.search(words) is not None and not _MEASURE.search(words)
        if len(_secret_names) >= MAX_CACHED:
            _secret_names.clear()
        _secret_names[key] = known
    return known


def _without_accents(text: str) -> str:
    """Return a text with ASCII letters for those with accents and for full-width ones."""
    if text.isascii():
        return text
    parts = normalize("NFKD", text)
    return normalize("NFC", "".join(letter for letter in parts if not _is_accent(letter)))


def _is_accent(letter: str) -> bool:
    return "\u0300" <= letter <= "\u036f"


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

    __slots__ = ("_foreign_stems", "_keys", "_stems", "clean", "clean_ids", "messages")

    def __init__(self, keys: frozenset[str] = frozenset()) -> None:
        self._keys = keys
        self._stems = _any_of({*_STEMS, *keys})
        self._foreign_stems = _any_of({*_STEMS, *_FOREIGN_STEMS, *keys})
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
            if "/bot" in clean:
                clean = _TELEGRAM.sub(_keep_prefix, clean)
            clean = self._redact_named(clean)
            clean = _SCHEME.sub(_keep_prefix, clean)
            if any(map(clean.__contains__, _BEFORE_TABLES)):
                clean = self._redact_sql(clean)
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
        columns = tables.hidden_columns(value, self.hides)
        clean = {}
        for key, item in value.items():
            if self.hides(key) or (is_pair and key.lower() in _VALUE_KEYS):
                clean[key] = self._hide(item, record)
            elif columns and tables.is_rows(item):
                clean[key] = [self._redact_row(row, columns, record, depth + 2) for row in item]
            else:
                clean[self.redact(key)] = self.redact_field(key, item, record, depth + 1)
        return clean

    def redact_field(
        self, name: str, value: Any, record: Callable[[], None], depth: int = 0
    ) -> Any:
        """Replace the secrets in the value of a field whose name is not that of a secret.

        `tokens` may be words or credentials: texts that look like a credential are replaced.
        """
        if isinstance(value, list) and _TOKENS.search(name):
            return [
                self._hide(item, record)
                if isinstance(item, str) and _CREDENTIAL.fullmatch(item)
                else self.redact_value(item, record, depth + 1)
                for item in value
            ]
        return self.redact_value(value, record, depth)

    def _redact_row(
        self, row: list[Any], columns: frozenset[int], record: Callable[[], None], depth: int
    ) -> list[Any]:
        return [
            self._hide(item, record)
            if index in columns
            else self.redact_value(item, record, depth + 1)
            for index, item in enumerate(row)
        ]

    def _redact_sql(self, text: str) -> str:
        parts: list[str] = []
        end = 0
        for start, stop in tables.sql_spans(text, self.hides):
            parts += (text[end:start], _redacted_like(text[start:stop], ""))
            end = stop
        return "".join((*parts, text[end:])) if parts else text

    def _redact_list(self, value: list[Any], record: Callable[[], None], depth: int) -> list[Any]:
        clean: list[Any] = []
        hide_next = False
        arguments = command_lines.Arguments()
        for index, item in enumerate(value):
            start = arguments.password_start(item)
            if hide_next or start == 0:
                clean.append(self._hide(item, record))
            elif start > 0 and item[start:] != REDACTED_TEXT:
                record()
                clean.append(item[:start] + REDACTED_TEXT)
            else:
                clean.append(self.redact_value(item, record, depth + 1))
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
        stems = self._stems if text.isascii() else self._foreign_stems
        for stem in stems.finditer(text):
            if stem.start() < position:
                continue
            begin = _name_start(text, stem.start(), position)
            name = _NAME.match(text, begin)
            if name is None or not self.hides(name[0].rstrip(".-")):
                continue
            position = name.end()
            start, stop = _value_span(text, begin, name, end)
            value = text[start:stop]
            if not value.strip() or value == REDACTED_TEXT:
                continue
            parts += (text[end:start], _redacted_like(value, text[name.end() : start]))
            end, position = stop, max(stop, position)
        return "".join((*parts, text[end:])) if parts else text


def _name_start(text: str, position: int, least: int) -> int:
    """Return where the name around a position begins."""
    stem = position
    least = max(least, position - 120)
    while position > least and (text[position - 1].isalnum() or text[position - 1] in "_.$-"):
        position -= 1
    if text[max(position - 1, 0)] == "%" and (encoded := _ENCODED.match(text, position, stem)):
        position = encoded.end()
    while text[position] in ".-":
        position += 1
    return position


def _value_span(  # noqa: PLR0911 -- one return a form
    text: str, begin: int, name: re.Match[str], least: int
) -> tuple[int, int]:
    """Return where the value of a secret's name begins and ends; an empty span if it has none.

    Args:
        text: the text.
        begin: where the name begins.
        name: the name.
        least: where a value that stands before its name may begin.
    """
    before = text[max(0, begin - 80) : begin]
    if _TAG.search(before):
        return _element_span(text, name)
    if _PAIR_NAME.search(before) and (pair := _pair_span(text, begin, name, least)):
        return pair
    separator = _SEPARATOR.match(text, name.end())
    if separator is None:
        return begin, begin
    start = separator.end()
    if separator["encoded"] is not None:
        encoded = _ENCODED_VALUE.match(text, start)
        return start, encoded.end() if encoded else start
    if separator["space"] is not None and _DECLARED.search(before):
        return start, _line_end(text, start)
    before = before[-4:]
    is_assigned = (
        separator["assign"] is not None
        or (separator["arrow"] is not None and not _AMBIGUOUS.search(name[0]))
        or (separator["call"] is not None and not separator["close"] and _SETTER.fullmatch(name[0]))
        or (
            separator["comma"] is not None
            and separator["close"]
            and _PAIR.search(before)
            and name[0] not in command_lines.BEFORE
        )
        or (separator["space"] is not None and before.endswith("-") and not separator["close"])
    )
    if not is_assigned:
        return begin, begin
    if _HEADER.fullmatch(name[0]) and not _QUOTE.match(text, start):
        return start, _header_end(text, start, before)
    if block := _BLOCK.match(text, start):
        return start, block.end()
    if separator["call"] is not None:
        return start, _arguments_end(text, start)
    annotation = _ANNOTATION.match(text, start) if ":" in separator[0] else None
    return start, _value_end(text, annotation.end() if annotation else start)


def _pair_span(text: str, begin: int, name: re.Match[str], least: int) -> tuple[int, int] | None:
    """Return where the value stands that a pair, a form or a tag gives to a name."""
    if pair := _PAIR_VALUE.match(text, name.end()):
        return pair.end(), _value_end(text, pair.end())
    if part := _PART.match(text, name.end()):
        end = _PART_END.search(text, part.end())
        return part.end(), end.start() if end else len(text)
    window = text[max(least, begin - 512) : begin]
    found = _VALUE_BEFORE.search(window) if "val" in window.lower() else None
    if found is None:
        return None
    offset = begin - len(window)
    return offset + found.start("value"), offset + found.end("value")


def _element_span(text: str, name: re.Match[str]) -> tuple[int, int]:
    """Return where the text of an XML element begins and ends; an empty span if it has none."""
    opened = _ATTRIBUTES.match(text, name.end())
    if opened is None:
        return name.end(), name.end()
    end = text.find("]]>" if opened["cdata"] else "<", opened.end())
    return opened.end(), end if end >= 0 else len(text)


def _header_end(text: str, start: int, before: str) -> int:
    """Return the end of a header's value: the quote that opened the header, or the line's end."""
    stop = _line_end(text, start)
    while (folded := _FOLDED.match(text, stop)) and _is_unfinished(text, start, stop):
        stop = _line_end(text, folded.end())
    quote = text.find(before[-1], start, stop) if before.endswith(("'", '"')) else -1
    return quote if quote >= 0 else stop


def _line_end(text: str, start: int) -> int:
    found = _END_OF_LINE.search(text, start)
    return found.start() if found else len(text)


def _is_unfinished(text: str, start: int, stop: int) -> bool:
    return _UNFINISHED.fullmatch(text, max(start, stop - 64), stop) is not None


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
    if two := _TWO_WORDS.match(text, start):
        second = _UNQUOTED.match(text, two.end())
        return second.end() if second else word.end()
    return word.end()


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


def _arguments_end(text: str, start: int) -> int:
    """Return the end of a call's quoted arguments."""
    end = _operand_end(text, start)
    while argument := _NEXT_ARGUMENT.match(text, end):
        end = _operand_end(text, argument.end())
    return end


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
