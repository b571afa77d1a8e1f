"""`python -m compiler` is the same program as `edgewright`."""

from compiler.cli import main

main()
