"""Log files: found, followed, identified after rotation, read in blocks of complete lines."""
