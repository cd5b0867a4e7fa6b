"""Parses the command line, and is the one place where errors become a line and an exit code."""

import os
import sys

import click

import likewise
from likewise.errors import LikewiseError
from likewise.registry import Folder

COMMANDS: Folder[click.Command] = Folder("command", "likewise.cli")
_STOPPED = 130  # what shells give for Ctrl-C


class _Commands(click.Group):
    """The commands of the folder; only the one that is asked for is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return COMMANDS.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        return COMMANDS.get(cmd_name) if cmd_name in COMMANDS.names() else None


@click.command(cls=_Commands, invoke_without_command=True)
@click.version_option(likewise.__version__, message="%(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """Embeddings, from raw content to answers: search your own documents by meaning."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> None:
    """Run one command. Exit code 0: done; 2: the user can mend it; 1: anything else."""
    try:
        code = app.main(prog_name="likewise", standalone_mode=False) or 0
        sys.stdout.flush()
    except LikewiseError as error:
        _say(str(error))
        code = 2
    except click.UsageError as error:
        _say(f"{error.format_message().rstrip('.')}. See 'likewise --help'.")
        code = 2
    except (BrokenPipeError, SystemExit):  # click makes the second of the first
        # The reader of our output, such as head, has what it wanted. What is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (KeyboardInterrupt, click.Abort):
        _say("stopped; what was done is kept, and the next run goes on from there")
        code = _STOPPED
    sys.exit(code)


def _say(message: str) -> None:
    print(f"likewise: {' '.join(message.split())}", file=sys.stderr)
