"""Rules of other tools on the same rows."""
