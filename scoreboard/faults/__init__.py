"""Kinds of faults and traps, one declaration each."""
