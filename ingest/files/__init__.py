"""Log files: found, followed, recognised after rotation, read in blocks of whole lines."""
