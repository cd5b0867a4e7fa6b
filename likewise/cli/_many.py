"""Options that take several values at once: ``--models A B`` as ``--models A --models B``."""

from collections.abc import Iterator, Sequence

import click


def takes_many(option: str) -> type[click.Command]:
    """A command whose option, declared with ``multiple=True``, takes all values up to the next option."""

    class Command(click.Command):
        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            return super().parse_args(ctx, list(_repeated(args, option)))

    return Command


def _repeated(args: Sequence[str], option: str) -> Iterator[str]:
    taking = first = False
    for arg in args:
        if arg.startswith("-"):
            taking = first = arg == option
            yield arg
        else:
            if taking and not first:
                yield option
            first = False
            yield arg
