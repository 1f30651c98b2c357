"""`python -m medmeta`."""

from medmeta.cli import run

run()
