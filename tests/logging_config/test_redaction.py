"""Redaction: by key, by pattern, by allow-list, by hash; never of what is harmless."""

import hashlib
import hmac
import json
import linecache
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.logging_config import ConfigurationError, EventLog, Model, Redaction
from mlmon.logging_config.emit.redaction import REDACTED_TEXT, is_secret_key, redact_text

Events = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize(
    "key",
    [
        "password", "db_password", "dbPassword", "DB_PASSWORD", "user.password", "x-api-key",
        "apiKey", "API_KEY", "access_token", "refreshToken", "Authorization", "Set-Cookie",
        "client_secret", "secrets", "private_key", "credentials", "sessionToken", "cvv",
        "api_keys", "apikeys", "session_id", "JSESSIONID", "PHPSESSID", "dbpass", "rootpw", "pw",
        "trustStorePass", "OPENAI_KEY", "stripeKey", "hmac_key", "auth_header", "slack_webhook",
        "webhook_url", "psk", "wifi_psk", "passcode", "access_tokens", "apitoken", "db_pwd",
        "contraseña", "contrasen\u0303a", "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44",
        "passwort", "benutzerPasswort", "mot_de_passe", "senha", "пароль", "密码", "token_value",
        "otp_code", "pin_code", "connect.sid", "csrfmiddlewaretoken", "xsrf-token",
    ],
)  # fmt: skip
def test_secret_keys(key: str) -> None:
    """Keys that name a secret are known however they are written."""
    assert is_secret_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "token_count",
        "tokens",
        "cache_key",
        "key",
        "passenger",
        "spinning",
        "tokenizer",
        "author",
        "primary_key",
        "sort_keys",
        "bypass",
        "boarding_pass",
        "compass",
        "webhook_status",
        "monkey",
        "obsession",
        "header",
        "public_key_count",
        "password_age_days",
        "passwordLength",
    ],
)
def test_harmless_keys(key: str) -> None:
    """Keys that only sound alike are left alone."""
    assert not is_secret_key(key)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to bob.o'neil+x@mail.example.com now", "write to bob.o'[redacted] now"),
        ("card 4111 1111 1111 1111 declined", "card [redacted] declined"),
        ("card 378282246310005.", "card [redacted]."),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-DEF_1", "got [redacted]"),
        ("Authorization: Bearer abc123.def", "Authorization: [redacted]"),
        ("AKIAIOSFODNN7EXAMPLE", "[redacted]"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[redacted]"),
        ("postgres://app:hunter2@db/prices", "postgres://app:[redacted]@db/prices"),
        ('{"password": "hunter2", "n": 1}', '{"password": "[redacted]", "n": 1}'),
        ("/login?token=abc&x=1", "/login?token=[redacted]&x=1"),
        (
            "a -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- b",
            "a [redacted] b",
        ),
    ],
)
def test_patterns(text: str, left: str) -> None:
    """Tokens, credentials, addresses and card numbers are replaced; the rest stays readable."""
    assert redact_text(text) == left


SECRET = "S3cr3t+/x9"  # noqa: S105 -- a made-up one
ENCODED = "S3cr3tx9"


def nested_json(levels: int) -> str:
    """A secret in JSON, itself a text in JSON, and so on."""
    text = json.dumps({"password": f'{SECRET} " {SECRET}', "n": 1})
    for _ in range(levels):
        text = json.dumps({"payload": text})
    return text


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: ApiKey {SECRET}",
        f"authorization=Token {SECRET}",
        f'Authorization: Digest username="u", response="{SECRET}"',
        f"Cookie: session={SECRET}; csrf={SECRET}",
        f"Set-Cookie: id={SECRET}; HttpOnly",
        f"X-Api-Key: {SECRET}",
        f"curl -H 'Authorization: ApiKey {SECRET}' https://host/",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"PGPASSWORD={SECRET} psql -h db",
        f"export DB_PASS={SECRET}",
        f"environ['DB_PASSWORD'] = '{SECRET} {SECRET}'",
        f"mysql --password {SECRET} shop",
        f"postgres://app:{SECRET}@db/prices",
        f"postgres://app:a/b@c,{SECRET}@db/prices",
        f"redis://:{SECRET}@host:6379/0",
        f"jdbc:postgresql://db/x?user=u&password={SECRET}&ssl=true",
        f"AccountName=x;AccountKey={SECRET}==;EndpointSuffix=core",
        f"[('Authorization', 'Token {SECRET}'), ('Accept', '*/*')]",
        f"[(b'cookie', b'{SECRET}')]",
        f"{{'headers': {{'Cookie': 'a={SECRET}; b={SECRET}'}}}}",
        f'[["Authorization","Token {SECRET}"]]',
        f'{{"headers":[{{"name":"Authorization","value":"Token {SECRET}"}}]}}',
        f'{{"command":["mysql","--password","{SECRET}"]}}',
        f'{{"passwords": ["{SECRET}"]}}',
        f"<password>{SECRET}</password>",
        f"<ns:Password>{SECRET}</ns:Password>",
        f'<wsse:Password Type="urn:x#PasswordText">{SECRET}</wsse:Password>',
        f"<a:apiKey\n  b='1'>\n  {SECRET}\n</a:apiKey>",
        f"<Password><![CDATA[{SECRET}<{SECRET}]]></Password>",
        f'<add key="DB_PASSWORD" value="{SECRET}"/>',
        f'def connect(host, password: str = "{SECRET}"):',
        f'def connect(host, password: str="{SECRET}", port: int = 1):',
        f'api_key: Optional[str] = "{SECRET}"',
        f"api_key: dict[str, list[str]] | None = '{SECRET}'",
        f'login(password=os.getenv("X", "{SECRET}"), n=1)',
        f'password = settings.get("db")["x"].get("y", default="{SECRET}")',
        f'login(password=read(\n"a",\n"{SECRET}"\n))',
        f'login(password=os.getenv("X", "{SECRET}",',
        f'password = given or "{SECRET}"',
        f'password = os.environ.get("X") or given or f"{SECRET}"',
        f'password = "a" if debug else "{SECRET}"',
        f'secret = "a" + prefix("b", "{SECRET}")',
        *(f'password={prefix}"{SECRET} {SECRET}"' for prefix in ("f", "r", "u", "b", "Rb", "F")),
        f'password = """{SECRET} {SECRET}"""',
        f"token: '''{SECRET}'''",
        f'{{"src": "login(password=os.getenv(\\"X\\", \\"{SECRET}\\"), 1)", "n": 1}}',
        f'[{{"Name":"DB_PASSWORD","Value":"{SECRET}"}}]',
        f'{{"key":"DB_PASSWORD","val":"{SECRET}"}}',
        f'environment: [{{"Name":"DB_PASSWORD","Value":"{SECRET}"}}]',
        f"- name: DB_PASSWORD\n  value: {SECRET}",
        f"JSESSIONID={SECRET}; Path=/",
        f"OPENAI_KEY={SECRET} rootpw: {SECRET}",
        f"slack_webhook: https://hooks.example/{SECRET}",
        f"https://a.blob.core.windows.net/c/b?sv=1&sig={SECRET}&se=2",
        f"curl -s -u user:{SECRET} https://host/",
        f"curl --user 'user:{SECRET}' https://host/",
        f"mysql -h db -uroot -p{SECRET} shop",
        f"mysqldump -p'{SECRET}' shop",
        f"sshpass -p {SECRET} ssh host",
        f"redis-cli -h db -a {SECRET} ping",
        f"Command '['mysql', '-u', 'root', '-p{SECRET}']' returned non-zero exit status 1.",
        f'subprocess.run(["curl", "-u", "bob:{SECRET}", "https://host"])',
        f"['sshpass', '-p', '{SECRET}', 'ssh'] ['redis-cli', '-a', '{SECRET}']",
        f"['docker', 'login', '-p', '{SECRET}'] ['mongosh', '-p{SECRET}']",
        f"password: |\n  {SECRET}\n  {SECRET}",
        f"db:\n  password: >-\n    {SECRET}\n\n    {SECRET}\n  user: bob",
        f"{{'yaml': 'password: |\\n  {SECRET}\\n'}}",
        f"Authorization: Bearer\r\n {SECRET}",
        f"Cookie: a={SECRET};\r\n b={SECRET}",
        f"userPassword:: {SECRET}",
        f"password           = {SECRET}",
        f"ENV DB_PASSWORD {SECRET}",
        f"ALTER USER bob WITH PASSWORD '{SECRET} {SECRET}'",
        f"CREATE USER bob IDENTIFIED BY '{SECRET} {SECRET}'",
        f'create role bob identified with sha256 by "{SECRET}"',
        f"setPassword('{SECRET}')",
        f"keyring.set_password('service', 'user', '{SECRET}')",
        f'builder.password("{SECRET}").build()',
        f"password -> {SECRET}",
        f"connect.sid={SECRET}; csrfmiddlewaretoken={SECRET}",
        f"next=%2Fcb%3Ftoken%3D{ENCODED}",
        f"%22password%22%3A%22{ENCODED}%22%2C%22n%22%3A1",
        f"u=%252Fcb%253Fapi_key%253D{ENCODED}%2526x%253D1",
        f'Content-Disposition: form-data; name="password"\r\n\r\n{SECRET}\r\n--x--',
        f'name="api_key"; filename="k"\r\nContent-Type: text/plain\r\n\r\n{SECRET}\r\n--x--',
        f'<input value="{SECRET}" type="text" name="password">',
        f"value: {SECRET}, name: DB_PASSWORD",
        json.dumps({"columns": ["user", "password"], "rows": [["u", SECRET], ["v", SECRET]]}),
        json.dumps({"fields": [{"name": "n"}, {"name": "token"}], "data": [[1, SECRET]]}),
        f"INSERT INTO u (name, password) VALUES ('bob', '{SECRET}'), ('it''s (1)', '{SECRET}')",  # noqa: S608 -- not executed
        f"insert into u(`api_key`, n) values (\"{SECRET}\", lower('x'))",  # noqa: S608 -- not executed
        f"[SQL: INSERT INTO u (n, password) VALUES (?, ?)]\n[parameters: ('b)', '{SECRET}')]",  # noqa: S608 -- not executed
        f"[parameters: [('b]', '{SECRET}'), ('c', '{SECRET}')]]",
        f"contraseña={SECRET} benutzerpasswort={SECRET} пароль: {SECRET} 密码={SECRET}",
        f"\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44={SECRET}",
        json.dumps({"tokens": [SECRET], "token_value": SECRET, "otp_code": SECRET}),
        *(nested_json(levels) for levels in range(4)),
        *(f"received {nested_json(levels)}" for levels in range(4)),
    ],
)
def test_secrets_in_text(text: str) -> None:
    """Headers, assignments, URLs, pairs and nested JSON lose the secret, JSON stays JSON."""
    clean = redact_text(text)
    assert SECRET not in clean
    assert ENCODED not in clean
    assert redact_text(clean) == clean
    if text.startswith("{"):
        try:
            json.loads(text)
        except ValueError:
            return
        assert isinstance(json.loads(clean), dict)


@pytest.mark.parametrize(
    "token",
    [
        f"hf_{'aB' * 17}", f"npm_{'aB3' * 12}", f"pypi-AgEIcHlwaS5vcmc{'aB-_' * 20}",
        f"hvs.{'aB3_' * 6}", f"SG.{'aB3-' * 5}ab.{'aB3_' * 10}abc", f"whsec_{'aB3/' * 8}",
        f"ya29.{'aB3-' * 20}", f"dop_v1_{'0f' * 32}", f"shpat_{'0f' * 16}", f"gsk_{'aB3' * 17}",
        f"dckr_pat_{'aB3' * 9}", f"xapp-1-{'A1' * 12}", f"ATATT3xFf{'aB3' * 12}",
        f"lin_api_{'aB3' * 12}", f"r8_{'aB3' * 12}", f"tskey-auth-{'aB3' * 4}-{'aB3' * 8}",
        f"xai-{'aB3' * 20}", f"nvapi-{'aB3' * 20}", f"pplx-{'aB3' * 14}", f"dapi{'0f' * 16}",
        f"MTAx{'aB3x' * 5}.G{'aB3_x'}.{'aB3' * 10}",
    ],
)  # fmt: skip
def test_tokens_without_a_name(token: str) -> None:
    """Tokens of known services are recognized by their form alone."""
    assert redact_text(f"got {token} back") == "got [redacted] back"


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/",
        "discord.com/api/webhooks/123/",
        "https://hooks.zapier.com/hooks/catch/",
        "https://x.webhook.office.com/webhookb2/",
        "https://outlook.office.com/webhook/",
    ],
)
def test_webhooks(url: str) -> None:
    """Of a webhook's URL its host is left."""
    assert redact_text(f"to {url}T0/B1/aBcD now") == f"to {url}[redacted] now"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            'def connect(host, password: str = "S", port: int = 1):',
            "def connect(host, password: [redacted], port: int = 1):",
        ),
        ('login(password=os.getenv("X", "S"), n=1)', "login(password=[redacted], n=1)"),
        ('password = given or "S"  # why', "password = [redacted]  # why"),
        ('password=f"S", n=1', 'password=f"[redacted]", n=1'),
        ("<a:pw>S</a:pw><n>1</n>", "<a:pw>[redacted]</a:pw><n>1</n>"),
        ("password=Ab(c3 user=bob", "password=[redacted] user=bob"),
        ("curl -u bob:S https://host", "curl -u bob:[redacted] https://host"),
        ("name=DB_PASSWORD value=S n=1", "name=DB_PASSWORD value=[redacted] n=1"),
        ("a:\n  pw: |\n    S\n    S\n  n: 1", "a:\n  pw: [redacted]\n  n: 1"),
        ("Authorization: Bearer\r\n S\r\nAccept: x", "Authorization: [redacted]\r\nAccept: x"),
        ("Authorization: Token S\n  Accept: x", "Authorization: [redacted]\n  Accept: x"),
        ("r=%2Fa%3Ftoken%3DS%26n%3D1", "r=%2Fa%3Ftoken%3D[redacted]%26n%3D1"),
        ('<input value="S" name="pw" id="a">', '<input value="[redacted]" name="pw" id="a">'),
        (
            "INSERT INTO u (n, pw) VALUES ('a', 'S'), (?, ?)",
            "INSERT INTO u (n, pw) VALUES ('a', '[redacted]'), (?, ?)",
        ),
        (
            "['mysql', '-u', 'root', '-pS', 'shop']",
            "['mysql', '-u', 'root', '-p[redacted]', 'shop']",
        ),
        (
            "https://api.telegram.org/bot123:AAbbccddeeffgghhii/getMe",
            "https://api.telegram.org/bot[redacted]/getMe",
        ),
        (
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nS\n-----END PGP PRIVATE KEY BLOCK----- b",
            "[redacted] b",
        ),
    ],
)
def test_what_surrounds_a_secret_stays(text: str, left: str) -> None:
    """Only the value is replaced."""
    assert redact_text(text) == left


def test_secrets_in_source_lines(log: EventLog, events: Events) -> None:
    """The source line of a frame has no secret, in a signature, a call or a default."""
    source = f"""
def connect(host, password: str = "{SECRET}"): raise ValueError
def defaulted(): return connect("h", password=os.getenv("X", "{SECRET}"))
"""
    linecache.cache["<source>"] = (len(source), None, source.splitlines(keepends=True), "<source>")
    names: dict[str, Any] = {"os": os}
    exec(compile(source, "<source>", "exec"), names)  # noqa: S102 -- our own source
    try:
        names["defaulted"]()
    except ValueError as error:
        log.job_ended(name="j", run_id="r", succeeded=False, error=error)
    trace = events()[0]["error.stack_trace"]
    assert "def connect(host, password: [redacted])" in trace
    assert "password=[redacted])" in trace
    assert SECRET not in trace


@pytest.mark.parametrize(
    "value",
    [
        {"headers": [{"cookie": SECRET}]},
        {"environment": [{"Name": "DB_PASSWORD", "Value": SECRET}]},
        {"rows": [{"KEY": "api_key", "Val": [SECRET]}]},
        {"rows": [{"JSESSIONID": SECRET, "dbpass": SECRET}]},
        {"headers": [("Authorization", f"Token {SECRET}")]},
        {"headers": [(b"cookie", SECRET.encode())]},
        {"headers": ("Authorization", f"Token {SECRET}")},
        {"headers": [{"name": "Authorization", "value": SECRET}]},
        {"request": {"headers": {"Authorization": f"ApiKey {SECRET}"}}},
        {"rows": [[[{"deep": [{"api_key": SECRET}]}]]]},
        {"env": {"PGPASSWORD": SECRET, "HOME": "/"}},
        {"argv": ["mysql", "--password", SECRET]},
        {"auth": ("user", SECRET)},
        {"payload": nested_json(3)},
        {"payload": [nested_json(1)]},
        {"argv": ["mysql", "-u", "root", f"-p{SECRET}"]},
        {"argv": ["sh", "-c", "exit 1", "/usr/bin/mysqldump", f"-p{SECRET}", "shop"]},
        {"argv": ["curl", "-u", f"bob:{SECRET}", "https://host"]},
        {"argv": ["curl", f"--user=bob:{SECRET}"]},
        {"argv": ["docker", "login", "-u", "bob", "-p", SECRET]},
        {"columns": ["user", "password"], "rows": [["u", SECRET]]},
        {"result": {"columns": ["user", "password"], "rows": [("u", SECRET)]}},
        {"tokens": [SECRET]},
        {"refresh": {"tokens": [SECRET, SECRET]}},
    ],
)
def test_secrets_in_structures(log: EventLog, events: Events, value: dict[str, Any]) -> None:
    """A secret is removed at any depth, as a label and as a message, and the line says so."""
    log.app("info", "m", value)
    log.app("info", value, {})
    for event in events():
        assert SECRET not in json.dumps(event)
        assert any(change.startswith("redacted:") for change in event["ml.log.changes"])


def test_own_keys_at_any_depth(memory: Any, open_memory_log: Any, events: Events) -> None:
    """The service's own secret keys are found in lists and in texts, too."""
    log = open_memory_log(memory, redaction=Redaction(keys=frozenset({"maiden_name"})))
    log.app("info", "maiden_name=S3cr3t", {"rows": [{"Maiden_Name": "S3cr3t"}]})
    assert "S3cr3t" not in str(events())


@pytest.mark.parametrize(
    "piece",
    [
        "://a:",
        "://a:b@",
        "password=",
        '"password":[',
        "(",
        "<a>",
        "key",
        "--key ",
        "a=b ",
        "curl -u a",
        "mysql -h ",
        "password=f(",
        "password=f('",
        "<a:pw b",
        "pw: a = ",
        "pw=a or ",
        "name=pw ",
        "pw: |\n ",
        "Cookie: a;\n ",
        "insert into t(pw)values(",
        "insert into t(pw)values('x",
        "[parameters: (",
        "[SQL: a [parameters: [",
        "value=a name=pw ",
        'name="pw"\r\n',
        "%25",
        "pw%3D",
        "['mysql', ",
        "password ->",
        "set_pw('",
    ],
)
def test_redaction_is_linear(piece: str) -> None:
    """Eight times the text takes no more than about eight times as long, whatever it repeats."""

    def cost(size: int) -> float:
        text = piece * (size // len(piece))
        began = time.process_time()
        redact_text(text)
        return time.process_time() - began

    cost(1000)
    assert cost(160_000) < 32 * max(cost(20_000), 0.002)


@pytest.mark.parametrize(
    "text",
    [
        "tokens: 15, key=3",
        "passed=3 failed=2, compass: 5",
        "http://es:9200/logs/_doc/a@b",
        "4111 1111 1111 1112",  # fails Luhn's check
        "1732318380000",  # a time in milliseconds
        "550e8400-e29b-41d4-a716-446655440000",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "basic statistics refreshed",
        "ratio: 0.5, at 12:30",
        "x = 3",
        "ps -p 12, id -u bob, ls -a",
        "hf_models and npm_config and pypi-server, see example.com/a",
        "mysql -h db -u root shop",
        "key: str = 3, name=a value=b",
        "<ns:name>bob</ns:name>",
        "Unexpected token '<', not '}'",
        "auth -> billing -> mail",
        "SELECT name FROM users WHERE id IN ('a', 'b')",
        "INSERT INTO u (name, age) VALUES ('bob', 3)",
        "[SQL: SELECT n FROM u WHERE id = ?]\n[parameters: ('bob',)]",
        "cookie.name.startswith('x') and get_password('db')",
        "raise CookieError('no such name')",
        "['tar', '-pxf', 'a.tar'] ['ps', '-p', '12']",
        "100 %3Darea, value=3 name=age",
        '{"tokens": ["Hello", "world", "covid19"]}',
        '{"columns": ["user", "age"], "rows": [["bob", 3]]}',
        "the environment ENV of docker, ARG too",
    ],
)
def test_harmless_texts(text: str) -> None:
    """What only resembles a secret is the very same text afterwards."""
    assert redact_text(text) is text


@given(st.text(max_size=300))
def test_redaction_is_stable(text: str) -> None:
    """Redacting twice changes no more than once."""
    once = redact_text(text)
    assert redact_text(once) == once


def test_before_serialisation(log: EventLog, events: Events) -> None:
    """Secrets are found in messages, labels, nested values, lists and stack traces."""
    try:
        raise ValueError("cannot log in with password=hunter2")  # noqa: TRY301 -- it is the subject
    except ValueError as error:
        log.job_ended(name="j", run_id="r", succeeded=False, error=error)
    nested = {"user": {"password": "hunter2"}, "rows": [{"api_key": "hunter2"}, "pwd=hunter2"]}
    log.app("info", "token: hunter2", nested | {"secret": ["hunter2"]})
    failed, free = events()
    assert "hunter2" not in str(failed) + str(free)
    assert {free["labels"][name] for name in ("user_password", "secret")} == {REDACTED_TEXT}
    assert "redacted:secret" in free["ml.log.changes"]


def test_secrets_of_the_source_are_not_in_stack_traces(log: EventLog, events: Events) -> None:
    """A stack trace shows source lines, never the values of variables."""
    local = "hunter" + "2"
    try:
        len(local) / 0
    except ZeroDivisionError as error:
        log.job_ended(name="j", run_id="r", succeeded=False, error=error)
    assert "hunter2" not in events()[0]["error.stack_trace"]


def test_hashed_values_stay_joinable(memory: Any, open_memory_log: Any, events: Events) -> None:
    """A hashed field is the salted HMAC of its value, the same in each event."""
    redaction = Redaction(hashed=frozenset({"labels.user", "ml.bid.id"}), salt="pepper")
    log = open_memory_log(memory, redaction=redaction)
    log.app("info", "m", {"user": "bob"})
    log.bid(bid_id="bob", prediction_id="p")
    free, bid = events()
    digest = hmac.new(b"pepper", b"bob", hashlib.sha256).hexdigest()[:32]
    assert free["labels"]["user"] == bid["ml.bid.id"] == digest


def test_allow_list(memory: Any, open_memory_log: Any, events: Events) -> None:
    """With a list for its dataset, only required and listed fields are written."""
    allowed = {"ml.prediction": frozenset({"ml.features.numeric.bid"})}
    log = open_memory_log(memory, redaction=Redaction(allowed=allowed))
    log.prediction(
        prediction_id="p", model=Model("m", "1"), score=0.5, approved=True, threshold=0.4,
        features={"bid": 1.0, "income": 2.0},
    )  # fmt: skip
    (event,) = events()
    assert event["ml.features.numeric.bid"] == 1.0
    assert event["ml.prediction.score"] == 0.5
    assert "2.0" not in str(event)
    assert "ml.prediction.threshold" not in event
    assert "redacted:ml.features.numeric.income" in event["ml.log.changes"]


def test_own_keys(memory: Any, open_memory_log: Any, events: Events) -> None:
    """A service names further secret keys."""
    log = open_memory_log(memory, redaction=Redaction(keys=frozenset({"maiden_name"})))
    log.app("info", "m", {"maiden_name": "x", "who": {"Maiden_Name": "y"}})
    assert set(events()[0]["labels"].values()) == {REDACTED_TEXT}


def test_a_redaction_holds_for_texts_another_log_has_written(
    memory: Any, open_memory_log: Any, events: Events
) -> None:
    """What one log writes as harmless is searched again by a log with further secret keys."""
    text = "geheim=hunter22"
    fields = {"note": text, "http.request.id": "geheim:hunter22", "nested": {"note": text}}
    redaction = Redaction(keys=frozenset({"geheim"}))
    for options in ({}, {"redaction": redaction}, {}, {"redaction": redaction}):
        log = open_memory_log(memory, **options)
        for _ in range(2):  # the second is known
            log.app("info", text, fields)
            log.fallback(source="s", reason=text)
    for number, event in enumerate(events()):
        is_secret = number // 4 in (1, 3)
        assert ("hunter22" in str(event)) != is_secret


def test_misconfiguration() -> None:
    """Unknown datasets and hashes without a salt are refused when they are set up."""
    with pytest.raises(ConfigurationError, match=r"unknown datasets: ml\.typo"):
        Redaction(allowed={"ml.typo": frozenset()})
    with pytest.raises(ConfigurationError, match=r"ml\.bid does not have: ml\.bid\.vlaue\. See"):
        Redaction(allowed={"ml.bid": frozenset({"ml.bid.vlaue", "ml.bid.value", "labels.shop"})})
    with pytest.raises(ConfigurationError, match="without a salt"):
        Redaction(hashed=frozenset({"labels.user"}))
    assert "pepper" not in repr(Redaction(salt="pepper"))


class Login(NamedTuple):
    """A named tuple with a secret."""

    user: str
    password: str


def test_secrets_in_unusual_places(log: EventLog, events: Events) -> None:
    """Keys, named tuples, notes of exceptions and the cut end of a long text hold no secret."""
    error = ValueError("x")
    error.add_note(f"Authorization: Token {SECRET}")
    log.job_ended(name="j", run_id="r", succeeded=False, error=error)
    log.app("info", "m", {f"https://u:{SECRET}@host": 1, "rows": [{f"token={SECRET}": 1}]})
    log.app("info", "m", {"login": Login("u", SECRET), "logins": [Login("u", SECRET)]})
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----"
    half = "y" * 16_400
    log.app("info", f"{'x' * 40_000}{key}{half[:-100]}", {})
    log.app("info", f"{'x' * 40_000}{key[:-40]}{half}{key[-40:]}", {})
    assert len(events()) == 5
    assert SECRET not in str(events())


SECRET_FEATURES: dict[str, Any] = {
    "password": SECRET,
    "api_key": SECRET,
    "token": True,
    "pass": 4821,
    "psk": [0.25, 0.5],
    "user": {"password": SECRET, "pass": SECRET, "country": "DE"},
    "pairs": ["Authorization", SECRET],
    "nested": [{"name": "DB_PASSWORD", "value": SECRET}],
}
HARMLESS_FEATURES: dict[str, Any] = {
    "token_count": 12, "password_age_days": 30.5, "passenger": "adult", "cache_key": "k",
}  # fmt: skip


def test_features_named_like_a_secret(log: EventLog, events: Events) -> None:
    """Their values are not written, of any type and at any depth; the others are unchanged."""
    features = SECRET_FEATURES | HARMLESS_FEATURES
    prediction: dict[str, Any] = {"prediction_id": "p", "model": Model("m", "1"), "score": 0.5}
    log.prediction(**prediction, approved=True, features=features)
    (event,) = events()
    assert SECRET not in str(event)
    written = {name: value for name, value in event.items() if name.startswith("ml.features.")}
    assert written == {
        "ml.features.categorical.password": REDACTED_TEXT,
        "ml.features.categorical.api_key": REDACTED_TEXT,
        "ml.features.categorical.token": REDACTED_TEXT,
        "ml.features.categorical.user_password": REDACTED_TEXT,
        "ml.features.categorical.user_pass": REDACTED_TEXT,
        "ml.features.categorical.user_country": "DE",
        "ml.features.numeric.token_count": 12,
        "ml.features.numeric.password_age_days": 30.5,
        "ml.features.categorical.passenger": "adult",
        "ml.features.categorical.cache_key": "k",
        "ml.features.embedded": ["psk", "pairs", "nested"],
        "ml.features.withheld": [
            "password", "api_key", "token", "pass", "psk", "user_password", "user_pass",
        ],
    }  # fmt: skip
    changes = event["ml.log.changes"]
    assert "redacted:ml.features.numeric.pass" in changes
    assert "redacted:ml.features.embedding.psk" in changes


def test_own_keys_of_features(memory: Any, open_memory_log: Any, events: Events) -> None:
    """`keys` holds for features; an allow-list and a hash name what they change beside it."""
    own = frozenset({"nickname"})
    options = [
        Redaction(keys=own),
        Redaction(
            allowed={"ml.prediction": frozenset({"ml.features.categorical.nickname"})}, keys=own
        ),
        Redaction(hashed=frozenset({"ml.features.categorical.nickname"}), salt="s", keys=own),
    ]
    for redaction in options:
        log = open_memory_log(memory, redaction=redaction)
        log.prediction(
            prediction_id="p", model=Model("m", "1"), score=0.5, approved=True,
            features={"nickname": "bobby", "price": 1.5},
        )  # fmt: skip
    by_key, allowed, hashed = events()
    assert "bobby" not in str(events())
    assert by_key["ml.features.withheld"] == ["nickname"]
    assert sorted(allowed["ml.features.withheld"]) == ["nickname", "price"]
    assert allowed["ml.features.categorical.nickname"] == REDACTED_TEXT
    assert hashed["ml.features.hashed"] == ["nickname"]
    assert "ml.features.withheld" not in hashed
