"""This machine: folders, locks, atomic writes, signals, progress on a terminal."""
