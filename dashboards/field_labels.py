"""Fields' names as people read them."""

from typing import Final

_OWN: Final = ("finding.", "alert.", "ml.")
"""Prefixes that say nothing to a reader of mlmon's own data."""
_WORDS: Final = {"http": "HTTP", "url": "URL", "id": "ID", "ecs": "ECS", "5xx": "5xx"}


def label(name: str) -> str:
    """Return a field's name as people read it: `finding.sample.count` is `Sample count`."""
    for prefix in _OWN:
        name = name.removeprefix(prefix)
    words = [_WORDS.get(word, word) for word in name.strip("@").replace("_", ".").split(".")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]
