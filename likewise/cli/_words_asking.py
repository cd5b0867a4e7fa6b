"""``likewise words similar``, ``analogy``, ``odd-one-out``, ``map``, ``eval`` and ``convert``: what vectors say."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import click

from likewise.cli._output import as_json_option, note, print_json, print_table
from likewise.errors import SettingError
from likewise.evaluating.word_tests import WordScore, analogy_scores, read_pairs, read_questions, similarity_score
from likewise.words.asking import Neighbour, similar
from likewise.words.asking import analogy as solve
from likewise.words.asking import odd_one_out as find_odd
from likewise.words.files import FORMATS, format_of, read_vectors, write_vectors
from likewise.words.mapping import FORMS, METHODS, Method, draw, place
from likewise.words.vectors import WordVectors

_FORMULAS: dict[str, Literal["add", "mul"]] = {"3CosAdd": "add", "3CosMul": "mul"}

vectors_argument = click.argument("vectors", type=click.Path(path_type=Path))
count_option = click.option("-k", default=10, show_default=True, help="How many words to show.")


@click.command("similar")
@vectors_argument
@click.argument("words", nargs=-1, required=True)
@count_option
@as_json_option
def similar_command(vectors: Path, words: tuple[str, ...], k: int, as_json: bool) -> None:
    """Show the words nearest to each of WORDS by cosine, found by exact search.

    VECTORS is a folder or a file of any format: word2vec text or binary, GloVe, fastText or safetensors. With
    fastText's n-grams, words never seen can be asked for too.
    """
    opened = read_vectors(vectors)
    for word, found in [(word, similar(opened, word, k=k)) for word in words]:
        for rank, one in enumerate(found, 1):
            if as_json:
                print_json({"word": word, "rank": rank, "similar": one.word, "score": one.score})
        if not as_json:
            _print_neighbours(word, found)


@click.command("analogy")
@vectors_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@count_option
@as_json_option
def analogy_command(vectors: Path, a: str, b: str, c: str, k: int, as_json: bool) -> None:
    """Find what is to C as B is to A, as in: man king woman.

    Answers come by 3CosAdd and by 3CosMul, and each with and without the words of the question. The published scores
    leave these out; what comes when they are allowed shows how much that helps.
    """
    opened = read_vectors(vectors)
    rows = []
    for formula, method in _FORMULAS.items():
        found = solve(opened, a, b, c, k=k, method=method)
        rows += [(formula, False, found.answers), (formula, True, found.with_question)]
    for formula, allowed, answers in rows:
        for rank, one in enumerate(answers, 1):
            if as_json:
                question = {"a": a, "b": b, "c": c, "formula": formula, "question_words": allowed}
                print_json(question | {"rank": rank, "answer": one.word, "score": one.score})
        if not as_json:
            _print_neighbours(f"{formula}, question words {'allowed' if allowed else 'left out'}", answers)


@click.command("odd-one-out")
@vectors_argument
@click.argument("words", nargs=-1, required=True)
@as_json_option
def odd_command(vectors: Path, words: tuple[str, ...], as_json: bool) -> None:
    """Show which of WORDS fits the others least, by its mean cosine to them."""
    found = find_odd(read_vectors(vectors), words)
    if as_json:
        for rank, one in enumerate(found, 1):
            print_json({"word": one.word, "rank": rank, "fit": one.score, "odd": rank == 1})
        return
    print(f"{found[0].word} fits the others least")
    _print_neighbours("mean cosine to the others", found)


@click.command("map")
@vectors_argument
@click.argument("words", nargs=-1)
@click.option(
    "--to", type=click.Path(path_type=Path), multiple=True, required=True, help="NAME.png, NAME.html or both."
)
@click.option("--method", type=click.Choice(METHODS), default="pca", show_default=True)
@click.option("--near", default=20, show_default=True, help="Words near each of WORDS to show with it.")
@click.option("--most", default=200, show_default=True, help="If no WORDS are given: how many frequent words to show.")
@click.option("--seed", default=0, show_default=True, help="Of tsne and umap.")
@as_json_option
def map_command(
    vectors: Path,
    words: tuple[str, ...],
    to: tuple[Path, ...],
    method: Method,
    near: int,
    most: int,
    seed: int,
    as_json: bool,
) -> None:
    """Draw words as a map of two dimensions: WORDS and what is near them, or the most frequent words.

    A picture (.png), or a page (.html) that needs no network, can be dragged, zoomed and searched.
    """
    wrong = [path for path in to if path.suffix not in FORMS]
    if wrong:
        raise SettingError(f"{wrong[0]} is to be a map; expected a name that ends in {' or '.join(FORMS)}")
    opened = read_vectors(vectors)
    shown, groups = _shown(opened, words, near=near, most=most)
    places = place(opened.look_up(shown), method=method, seed=seed)
    for path in to:
        draw(shown, places, path, groups=groups, title=f"{len(shown)} words of {vectors.name}, by {method}")
        note(f"{path}: {len(shown)} words")
    if as_json:
        for word, group, (x, y) in zip(shown, groups, places.tolist(), strict=True):
            print_json({"word": word, "group": group, "x": x, "y": y})


@click.command("eval")
@vectors_argument
@click.option("--analogies", type=click.Path(path_type=Path), multiple=True, help="Questions, as word2vec has them.")
@click.option("--similarity", type=click.Path(path_type=Path), multiple=True, help="Pairs of words with a score.")
@click.option("--most", type=int, help="Use the most frequent so many words alone, as is often done: 100000.")
@click.option("--lowercase", is_flag=True, help="Ask in lower case, for vectors that have no upper case.")
@as_json_option
def eval_command(
    vectors: Path,
    analogies: tuple[Path, ...],
    similarity: tuple[Path, ...],
    most: int | None,
    lowercase: bool,
    as_json: bool,
) -> None:
    """Score vectors against what people say: on analogies, and on how alike words are.

    Questions whose words have no vectors do not count; how many do is shown. Files may be compressed (gzip).
    """
    if not analogies and not similarity:
        raise SettingError("nothing to score; give --analogies FILE, --similarity FILE, or both")
    tests = [(path, read_questions(path)) for path in analogies], [(path, read_pairs(path)) for path in similarity]
    opened = _most_frequent(read_vectors(vectors), most)
    spelling = str.lower if lowercase else str
    scores: list[WordScore] = []
    for path, questions in tests[0]:
        scores += analogy_scores(opened, questions, test=_name(path), spelling=spelling)
    for path, pairs in tests[1]:
        scores.append(similarity_score(opened, pairs, test=_name(path), spelling=spelling))
    if as_json:
        for score in scores:
            print_json({"vectors": str(vectors), **asdict(score)})
        return
    rows = [
        {"test": one.test, "metric": one.metric, "score": f"{one.score:.4f}", "of": f"{one.answered}/{one.asked}"}
        for one in scores
    ]
    print_table(rows)


@click.command("convert")
@vectors_argument
@click.argument("to", type=click.Path(path_type=Path))
@click.option("--format", type=click.Choice(sorted(FORMATS)), help="By default a folder, or safetensors by that name.")
@as_json_option
def convert_command(vectors: Path, to: Path, format: str | None, as_json: bool) -> None:
    """Write vectors in another format: VECTORS, of any format, to the new file or folder TO.

    A folder is opened without being read, so it suits vectors larger than memory. Only folders, safetensors and
    fastText's files have room for counts and n-grams.
    """
    found = format_of(vectors)
    opened = read_vectors(vectors)
    write_vectors(opened, to, format=format or "")
    written = format_of(to)
    if opened.subwords and opened.subwords.arguments.max_n and written not in ("folder", "safetensors", "fasttext"):
        note(f"{to}: n-grams were left out, which {written} has no room for; words never seen have no vectors now")
    if as_json:
        print_json({"from": found, "to": written, "path": str(to), "words": len(opened), "dimension": opened.dimension})
        return
    print(f"{to}: {written}, {len(opened)} words of {opened.dimension} dimensions (was {found})")


COMMANDS = (similar_command, analogy_command, odd_command, map_command, eval_command, convert_command)


def _print_neighbours(title: str, found: Sequence[Neighbour]) -> None:
    click.echo(click.style(title, bold=True))
    for one in found:
        print(f"  {one.score:7.4f}  {one.word}")


def _shown(vectors: WordVectors, words: Sequence[str], *, near: int, most: int) -> tuple[list[str], list[str]]:
    """The words of a map, each once, and the one of ``words`` that each is there for."""
    groups = {word: word for word in words}
    for word in words:
        for one in similar(vectors, word, k=near) if near else ():
            groups.setdefault(one.word, word)
    if not words:
        groups = dict.fromkeys(vectors.words[:most], "")
    return list(groups), list(groups.values())


def _most_frequent(vectors: WordVectors, most: int | None) -> WordVectors:
    if most is None:
        return vectors
    if most < 1:
        raise SettingError(f"--most is {most}, expected at least 1")
    subwords = vectors.subwords and replace(vectors.subwords, own=vectors.subwords.own[:most], context=None)
    return WordVectors(words=vectors.words[:most], vectors=vectors.vectors[:most], subwords=subwords)


def _name(path: Path) -> str:
    return path.name.split(".")[0]
