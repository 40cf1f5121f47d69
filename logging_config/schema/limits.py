"""How large an event may grow before it is cut, with a mark."""

from typing import Final

MAX_TEXT: Final = 32_768
"""Characters of a text: a message, a stack trace."""

MAX_KEYWORD: Final = 1_024
"""Characters of a keyword or a label; Lucene refuses terms over 32,766 bytes."""

MAX_KEY: Final = 256
"""Characters of a key."""

MAX_DEPTH: Final = 16
"""Levels of nesting; Elasticsearch's own limit is 20."""

MAX_ITEMS: Final = 16_384
"""Values in one event, all its lists and mappings together."""

MAX_LINE: Final = 1_048_576
"""Bytes of a line; a larger one is written again with its longest values cut."""

MAX_REMEMBERED: Final = 8_192
"""Entries of each cache, so that a service's memory stays flat whatever its keys and texts."""
