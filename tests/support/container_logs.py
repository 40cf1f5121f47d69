"""Log lines as container runtimes write them."""

import json

TIME = "2026-03-01T00:00:00.123456789Z"


def docker_entries(line: str, size: int, stream: str = "stdout") -> list[bytes]:
    """Return the entries of Docker's json-file for a line, split at so many characters.

    As daemon/logger/jsonfilelog writes them: only the last part ends with a newline.
    """
    parts = [line[start : start + size] for start in range(0, len(line), size)]
    parts[-1] += "\n"
    return [
        json.dumps({"log": part, "stream": stream, "time": TIME}, separators=(",", ":")).encode()
        for part in parts
    ]


def cri_entries(line: str, size: int, stream: str = "stdout") -> list[bytes]:
    """Return the entries of a CRI log for a line, split at so many bytes, as containerd does."""
    data = line.encode()
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    tags = [b"P"] * (len(parts) - 1) + [b"F"]
    return [
        b"%b %b %b %b" % (TIME.encode(), stream.encode(), tag, part)
        for tag, part in zip(tags, parts, strict=True)
    ]
