"""Train vocabularies and vectors of words, and ask what the vectors say."""

from pathlib import Path

import click

from likewise.cli._output import as_json_option, note, print_json, progress_bar
from likewise.cli._words_asking import COMMANDS
from likewise.cli._words_distilling import distil_command
from likewise.cli._words_training import train
from likewise.corpora import Corpus
from likewise.tokenizing import train_vocabulary
from likewise.tokenizing.training import KINDS
from likewise.tokenizing.usage import measure_usage

_MEASURED_CHARACTERS = 2_000_000  # from the start of the corpus


@click.group()
def words() -> None:
    """Train vocabularies and vectors of words, and ask what the vectors say."""


@words.command()
@click.argument("corpus", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--kind", type=click.Choice(sorted(KINDS)), required=True, help="How texts are cut into pieces.")
@click.option("--size", type=int, required=True, help="The most tokens, special ones included.")
@click.option("--to", type=click.Path(path_type=Path), required=True, help="The folder to write, which may not exist.")
@click.option("--lowercase", is_flag=True, help="Make no difference between upper and lower case.")
@as_json_option
def vocab(corpus: tuple[Path, ...], kind: str, size: int, to: Path, lowercase: bool, as_json: bool) -> None:
    """Train a vocabulary from text files (UTF-8, gzip or not), and write it as tokenizer.json."""
    with progress_bar() as progress:
        lines = Corpus(corpus, progress=lambda done, total: progress(f"reading for {kind}", done, total))
        tokenizer = train_vocabulary(lines, kind, to, size=size, lowercase=lowercase)
        replaced = lines.replaced_bytes
        progress("measuring", 0, 0)
        usage = measure_usage(tokenizer, Corpus(corpus), max_characters=_MEASURED_CHARACTERS)
    if replaced:
        note(f"{replaced} bytes were not UTF-8 and became U+FFFD")
    row = {
        "folder": str(to),
        "kind": kind,
        "asked_size": size,
        "size": tokenizer.vocabulary_size,
        "replaced_bytes": replaced,
        "measured_characters": usage.characters,
        "characters_per_token": usage.characters_per_token,
        "unknown_tokens": usage.unknown,
        "frequent": [{"piece": piece, "count": count} for piece, count in usage.frequent],
        "longest": usage.longest,
    }
    if as_json:
        print_json(row)
        return
    fewer = f" of {size} asked for: the corpus gives no more" if tokenizer.vocabulary_size < size else ""
    print(f"{to}: {kind}, {tokenizer.vocabulary_size} tokens{fewer}")
    print(f"  {usage.characters_per_token:.2f} characters a token, {usage.unknown} of {usage.tokens} tokens unknown")
    print(f"  most frequent: {'  '.join(f'{piece} {count}' for piece, count in usage.frequent)}")
    print(f"  longest: {'  '.join(usage.longest)}")


for command in (*COMMANDS, train, distil_command):
    words.add_command(command)

PLUGIN = words
