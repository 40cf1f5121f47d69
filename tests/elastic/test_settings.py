"""Settings come from environment and file, wrong ones are said clearly, and secrets stay secret."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    """A typing error in the file is found at once, and the message lists what exists."""
    Path("mlmon.toml").write_text('name_space = "x"\n')
    with pytest.raises(UserError, match=r"unknown setting 'name_space' \(known: .*namespace"):
        load_settings()


def test_a_section_belongs_to_its_package() -> None:
    """A table named after a package is handed over unread."""
    Path("mlmon.toml").write_text("[alerting]\nroute = 'mail'\n")
    assert load_settings().sections["alerting"] == {"route": "mail"}


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
    ("content", "said"), [(None, "cannot be read"), (" \n", "holds no secret")]
)
def test_a_missing_or_empty_secret_is_an_error(
    content: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret's file that is missing or empty is named; nothing is sent without credentials."""
    if content is not None:
        Path("key").write_text(content)
    monkeypatch.setenv("MLMON_API_KEY_FILE", "key")
    with pytest.raises(UserError, match=said):
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
