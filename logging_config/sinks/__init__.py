"""Destinations of lines: a file with rotation, standard output, a bounded queue in front."""
