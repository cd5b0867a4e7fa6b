"""The ``likewise`` command. One file is one command; its docstring's first line is its help."""

from likewise.cli._app import main as main
