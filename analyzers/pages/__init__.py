"""Reference pages of the analyzers, made from their own files."""
