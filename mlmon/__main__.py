"""`python -m mlmon`."""

from mlmon.cli import main

main()
