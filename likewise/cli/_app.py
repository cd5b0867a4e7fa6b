"""Parses the command line, and is the one place where errors become a line and an exit code."""

import sys
from typing import Annotated, Any

import typer

import likewise
from likewise.errors import LikewiseError
from likewise.registry import Folder

COMMANDS: Folder[Any] = Folder("command", "likewise.cli")


def main() -> None:
    """Run one command. Exit code 0: done; 2: the user can mend it; 1: anything else."""
    try:
        _app(sys.argv[1:])(prog_name="likewise")
    except LikewiseError as error:
        print(f"likewise: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output, such as head, has what it wanted
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        print("likewise: stopped; what was done is kept, and the next run goes on from there", file=sys.stderr)
        sys.exit(130)


def _app(arguments: list[str]) -> typer.Typer:
    """The app with the command that is asked for, so that no other one's imports are paid for; else with all."""
    app = typer.Typer(
        help="Embeddings, from raw content to answers: search your own documents by meaning.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    asked = next((word for word in arguments if not word.startswith("-")), "")
    for name in [asked] if asked in COMMANDS.names() else COMMANDS.names():
        app.command(name, help=COMMANDS.summary(name))(COMMANDS.get(name))
    return app


def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        print(likewise.__version__)
        raise typer.Exit
