"""Settings come from environment and file, wrong ones are errors, and secrets stay secret."""

import base64
import re
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.elastic.client.client import addresses
from mlmon.elastic.connect import open_configured
from mlmon.elastic.errors import UserError
from mlmon.elastic.settings import Settings, load_settings


def test_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable overrides the same key of mlmon.toml; the file overrides the default."""
    Path("mlmon.toml").write_text('namespace = "from_file"\nnode_heap = "1g"\n')
    monkeypatch.setenv("MLMON_NAMESPACE", "from_environment")
    settings = load_settings()
    assert (settings.namespace, settings.node_heap) == ("from_environment", "1g")


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option of the command line overrides the variable; None leaves it."""
    monkeypatch.setenv("MLMON_NAMESPACE", "from_environment")
    assert load_settings(namespace="from_option").namespace == "from_option"
    assert load_settings(namespace=None).namespace == "from_environment"


def test_an_argument_is_checked_like_the_rest() -> None:
    """A wrong value on the command line is refused, not taken over unchecked."""
    with pytest.raises(UserError, match="MLMON_NAMESPACE: a namespace is"):
        load_settings(namespace="No Such")


def test_an_unknown_key_is_named_with_the_known_ones() -> None:
    """A misspelled key of the file is found at once, and the message names the nearest."""
    Path("mlmon.toml").write_text('name_space = "x"\n')
    with pytest.raises(UserError, match=r"'name_space' \(did you mean 'namespace'\?\)") as caught:
        load_settings()
    assert caught.value.exit_code == 2


def test_a_misspelled_table_is_named_with_the_nearest() -> None:
    """A table that no package declares is an error as well."""
    Path("mlmon.toml").write_text("[alertign]\nroute = 'mail'\n")
    with pytest.raises(UserError, match=r"'alertign' \(did you mean 'alerting'\?\)"):
        load_settings()


def test_several_urls_name_one_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """URLs come from the variable, separated by commas, else from the list in `[elastic]`."""
    Path("mlmon.toml").write_text('[elastic]\nurls = ["http://c:9200", "http://d:9200/"]\n')
    assert load_settings().urls == ("http://c:9200", "http://d:9200")
    assert not load_settings().is_embedded
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", "http://a:9200, https://b/es/")
    assert load_settings().urls == ("http://a:9200", "https://b/es")
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", "http://a:9200,nowhere")
    with pytest.raises(UserError, match="MLMON_ELASTICSEARCH_URL: not a URL"):
        load_settings()


def test_a_cloud_id_stands_in_place_of_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is checked for its form, is named by its label, and excludes URLs."""
    text = base64.b64encode(b"europe.example.net$es1234$kb").decode()
    monkeypatch.setenv("MLMON_CLOUD_ID", f"prod:{text}")
    settings = load_settings()
    assert (settings.is_embedded, settings.cluster_name) == (False, "Elastic Cloud prod")
    with open_configured(settings) as client:
        assert addresses(client) == "https://es1234.europe.example.net"
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", "http://a:9200")
    with pytest.raises(UserError, match="set elasticsearch_url or cloud_id, not both"):
        load_settings()
    monkeypatch.setenv("MLMON_CLOUD_ID", "prod:hello")
    with pytest.raises(UserError, match="MLMON_CLOUD_ID: not a cloud id"):
        load_settings()


SECRET = "c2Vjc" + "mV0"


@pytest.mark.parametrize(
    "text", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\x00x", f"a\r\nb: {SECRET}"]
)
@pytest.mark.parametrize("name", ["api_key", "password", "username"])
def test_a_credential_that_no_header_can_hold_is_refused(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line breaks, control characters and outer spaces are an error that does not show the text."""
    if "\x00" not in text:
        monkeypatch.setenv(f"MLMON_{name.upper()}", text)
    with pytest.raises(UserError, match=f"MLMON_{name.upper()}: it ") as caught:
        load_settings(**({name: text} if "\x00" in text else {}))
    assert caught.value.exit_code == 2
    shown = f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r}"
    assert SECRET not in shown
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("kind", ["api_key", "password"])
def test_a_credential_of_a_file_is_checked_as_well(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second line in the file is an error that names the file and shows nothing of it."""
    Path("secret").write_text(f"{SECRET}\nand {SECRET}\n")
    monkeypatch.setenv(f"MLMON_{kind.upper()}_FILE", "secret")
    if kind == "password":
        monkeypatch.setenv("MLMON_USERNAME", "someone")
    with pytest.raises(UserError, match="in secret cannot be used") as caught:
        load_settings().credentials()
    assert SECRET not in f"{caught.value!r} {caught.value.hint}"


def test_a_file_that_is_not_toml_is_named() -> None:
    """The message names the file and where it is wrong."""
    Path("mlmon.toml").write_text("namespace = \n")
    with pytest.raises(UserError, match=r"mlmon\.toml cannot be read: .*line 1"):
        load_settings()


def test_a_named_file_has_to_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLMON_CONFIG pointing nowhere is an error, while mlmon.toml may be absent."""
    load_settings()
    monkeypatch.setenv("MLMON_CONFIG", "elsewhere.toml")
    with pytest.raises(UserError, match=r"elsewhere\.toml does not exist"):
        load_settings()


@pytest.mark.parametrize(
    "url",
    ["localhost:9200", "ftp://host", "http://", "http://host:port", "http://h/?x=1", "http://h:0"],
)
def test_a_bad_url_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not a plain http(s) URL is refused before anything is sent."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", url)
    with pytest.raises(UserError, match="MLMON_ELASTICSEARCH_URL: "):
        load_settings()


def test_credentials_in_a_url_are_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says where credentials belong, and shows neither the password nor the user."""
    monkeypatch.setenv("MLMON_ELASTICSEARCH_URL", "https://someone:hunter2@es.example:9200")
    with pytest.raises(UserError, match="credentials do not belong in a URL") as caught:
        load_settings()
    assert "hunter2" not in f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r}"
    assert "someone" not in str(caught.value)


def test_secrets_are_in_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither repr nor str nor JSON of the settings holds a secret."""
    monkeypatch.setenv("MLMON_USERNAME", "shipper")
    monkeypatch.setenv("MLMON_PASSWORD", "hunter2")
    settings = load_settings()
    assert settings.credentials() == ("shipper", "hunter2")
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_a_secret_in_a_wrong_combination_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password without a user is an error that does not show the password."""
    monkeypatch.setenv("MLMON_PASSWORD", "hunter2")
    with pytest.raises(UserError, match="a user name and a password go together") as caught:
        load_settings()
    assert "hunter2" not in repr(caught.value)


def test_a_key_and_a_user_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways to authenticate at once are refused: which one counts would be a guess."""
    monkeypatch.setenv("MLMON_API_KEY", "key")
    monkeypatch.setenv("MLMON_USERNAME", "someone")
    monkeypatch.setenv("MLMON_PASSWORD", "hunter2")
    with pytest.raises(UserError, match="an API key or a user name, not both"):
        load_settings()


def test_a_key_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key may lie in a file, as containers mount it, with a newline at its end."""
    Path("key").write_text("c2VjcmV0\n")
    monkeypatch.setenv("MLMON_API_KEY_FILE", "key")
    assert load_settings().credentials() == "c2VjcmV0"


@pytest.mark.parametrize(
    ("content", "expected"), [(None, "cannot be read"), (" \n", "holds no secret")]
)
def test_a_missing_or_empty_secret_is_an_error(
    content: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret's file that is missing or empty is named; nothing is sent without credentials."""
    if content is not None:
        Path("key").write_text(content)
    monkeypatch.setenv("MLMON_API_KEY_FILE", "key")
    with pytest.raises(UserError, match=expected):
        load_settings().credentials()


@given(st.text(max_size=120))
def test_a_namespace_fits_into_index_names(namespace: str) -> None:
    """Whatever is accepted is lower case and free of what index names and data streams forbid."""
    try:
        accepted = Settings(namespace=namespace).namespace
    except ValueError:
        return
    assert accepted == accepted.lower()
    assert not re.search(r'[\\/*?"<>| ,#:\-]', accepted)
    assert len(accepted.encode()) <= 100


@pytest.mark.parametrize("heap", ["512", "512mb", "-1g", "0m"])
def test_a_heap_needs_number_and_unit(heap: str) -> None:
    """Java's way of writing sizes is checked before Java is started."""
    with pytest.raises(UserError, match="MLMON_NODE_HEAP: a heap is a number and a unit"):
        load_settings(node_heap=heap)
