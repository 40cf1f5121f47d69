"""The table of fields: names, types and size limits of every event."""
