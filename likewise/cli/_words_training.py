"""``likewise words train``: vectors of words and documents from text files."""

import shutil
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from likewise.cli._output import as_json_option, note, print_json
from likewise.corpora import Corpus
from likewise.errors import SettingError
from likewise.words import documents, vectors
from likewise.words.documents import DocumentVectors
from likewise.words.phrases import JoinedSentences, find_phrases
from likewise.words.training import MODELS, Progress, TrainingSettings
from likewise.words.training import train as train_vectors
from likewise.words.vocabulary import Sentences, Words

_DEFAULTS = TrainingSettings()


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--model", type=click.Choice(MODELS.names()), default="skipgram", show_default=True, help="What to train."
)
@click.option("--to", type=click.Path(path_type=Path), required=True, help="The folder to write, which may not exist.")
@click.option("--dim", default=_DEFAULTS.dimension, show_default=True, help="Numbers in a vector.")
@click.option("--window", default=_DEFAULTS.window, show_default=True, help="Words to each side, at most.")
@click.option("--negatives", default=_DEFAULTS.negatives, show_default=True, help="Drawn words for each real one.")
@click.option("--hierarchical", is_flag=True, help="Foretell ways in a Huffman tree, not words among negatives.")
@click.option("--epochs", default=_DEFAULTS.epochs, show_default=True, help="How often the corpus is read.")
@click.option("--min-count", default=_DEFAULTS.min_count, show_default=True, help="Rarer words are left out.")
@click.option("--sample", default=_DEFAULTS.subsampling, show_default=True, help="Thin out words above this share.")
@click.option(
    "--rate",
    type=float,
    help="The learning rate to begin with.  [default: 0.05 for cbow, fasttext and glove, else 0.025]",
)
@click.option("--buckets", default=_DEFAULTS.buckets, show_default=True, help="Rows for n-grams (fasttext).")
@click.option(
    "--documents", type=click.Choice(["dbow", "dm"]), default="dbow", show_default=True, help="Form of doc2vec."
)
@click.option("--phrases", is_flag=True, help="Make one word of pairs that belong together.")
@click.option("--lowercase", is_flag=True, help="Make no difference between upper and lower case.")
@click.option("--threads", default=_DEFAULTS.threads, show_default=True, help="With one, each run gives the same.")
@click.option("--seed", default=_DEFAULTS.seed, show_default=True, help="For all that is drawn by chance.")
@as_json_option
def train(
    corpus: tuple[Path, ...], model: str, to: Path, phrases: bool, lowercase: bool, as_json: bool, **options: Any
) -> None:
    """Train vectors of words from text files (UTF-8, gzip or not), a sentence or document a line.

    Words are what stands between spaces. While the training lasts, its state is kept beside the folder every five
    minutes and when it is stopped; the same command then goes on from there.
    """
    if to.exists():
        raise SettingError(f"{to} is there already; give a name that is not taken")
    settings = _settings(options)
    lines = Corpus(corpus)
    sentences: Sentences = Words(lines, lowercase=lowercase)
    unfinished = to.with_name(f"{to.name}.unfinished")
    if phrases:
        note("finding phrases")
        sentences = JoinedSentences(sentences, find_phrases(sentences, min_count=settings.min_count))
    with _Bar(model) as bar:
        found = train_vectors(sentences, model, settings=settings, checkpoints=unfinished, progress=bar.show)
    save = documents.save if isinstance(found, DocumentVectors) else vectors.save
    kept = {"model": model, "lowercase": lowercase, "phrases": phrases, **asdict(settings)}
    save(found, to, settings=kept)  # type: ignore[arg-type]
    if unfinished.is_dir():
        shutil.rmtree(unfinished)
    if lines.replaced_bytes:
        note(f"{lines.replaced_bytes} bytes were not UTF-8 and became U+FFFD")
    row = {
        "folder": str(to),
        "model": model,
        "words": len(found.words),
        "vectors": len(found),
        "dimension": found.dimension,
        "trained_words": bar.last.words,
        "words_per_second": round(bar.last.words_per_second),
        "loss": bar.last.loss,
        "replaced_bytes": lines.replaced_bytes,
    }
    if as_json:
        print_json(row)
    else:
        print(f"{to}: {model}, {len(found)} vectors of {found.dimension} dimensions, {len(found.words)} words")
        print(f"  {row['words_per_second']:,} words a second, loss {bar.last.loss:.4f}")


class _Bar:
    """Words counted, then a bar with words per second and loss; off a terminal, its name alone."""

    def __init__(self, model: str) -> None:
        self.last = Progress(words=0, total=0)
        self._model = model
        self._stack = ExitStack()
        self._bar: Any = None
        self._counting = False

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def show(self, progress: Progress) -> None:
        """Draw how far the training is."""
        self.last = progress
        if not progress.total and sys.stderr.isatty():
            click.echo(f"\rcounting, {progress.words:,} words", err=True, nl=False)
            self._counting = True
        if progress.total and self._bar is None:
            if self._counting:
                click.echo(err=True)
            self._bar = self._stack.enter_context(
                click.progressbar(
                    length=progress.total,
                    label=f"training {self._model}",
                    item_show_func=lambda now: now and f"{now.words_per_second:,.0f} words/s, loss {now.loss:.3f}",
                    file=sys.stderr,
                )
            )
        if self._bar is not None:
            self._bar.update(progress.words - self._bar.pos, progress)


def _settings(options: dict[str, Any]) -> TrainingSettings:
    """The settings of a training, some of which are called otherwise on the command line."""
    names = {"dim": "dimension", "sample": "subsampling", "rate": "learning_rate"}
    given = {names.get(name, name): value for name, value in options.items()}
    first = given["learning_rate"]
    final = _DEFAULTS.final_learning_rate
    return TrainingSettings(**given, final_learning_rate=final if first is None else min(final, first))
