"""Write `docs/fields.md` from the table of fields."""

from collections.abc import Iterator, Sequence

from mlmon.logging_config.schema.fields import (
    CORRELATION,
    DIAGNOSTICS,
    ECS_VERSION,
    ENVELOPE,
    OWN,
    PURPOSES,
    SCHEMA_VERSION,
    Field,
)

_INTRODUCTION = f"""# Fields of the log

Generated from `logging_config/schema/fields.py` by `make generate`.

Version {SCHEMA_VERSION} of the table (`ml.schema_version`); field names of ECS {ECS_VERSION}.
Level `custom` marks fields that ECS does not define. `*` is a placeholder for a name.
"""


def fields_page() -> str:
    """Return the page, in Markdown."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## Every line\n"
    yield "Written by the log itself; a caller cannot set them.\n"
    yield from _table(ENVELOPE)
    yield "## Ids of trace, request, job and model\n"
    yield from _table(CORRELATION)
    yield "## Origin, errors and the log itself\n"
    yield from _table(DIAGNOSTICS)
    for dataset, own in OWN.items():
        yield f"## `{dataset}`\n"
        yield f"{PURPOSES[dataset]}\n"
        yield from _table(own)


def _table(fields: Sequence[Field]) -> Iterator[str]:
    if not fields:
        return
    yield "| field | type | unit | required | level | meaning |"
    yield "|---|---|---|---|---|---|"
    for field in fields:
        kind = f"{field.type}[]" if field.array else field.type
        required = "yes" if field.required else ""
        cells = (f"`{field.name}`", kind, field.unit, required, field.level, field.description)
        yield "| " + " | ".join(cells) + " |"
    yield ""
