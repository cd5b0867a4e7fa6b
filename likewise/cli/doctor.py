"""Check this installation and, if one is named, INDEX; says what is wrong and what to do."""

import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import click

import likewise
from likewise.cli._output import as_json_option, print_json
from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS
from likewise.encoding.engines.openvino import describe_engine
from likewise.encoding.models import AUTO_PRECISION, load, verify_model
from likewise.errors import LikewiseError
from likewise.searching.index import Index

_LIBRARIES = ("numpy", "openvino", "tokenizers", "safetensors")
Check = tuple[str, bool, str]  # what, whether it is well, what was found or what to do


@click.command()
@click.argument("index", type=click.Path(path_type=Path), required=False)
@as_json_option
def doctor(index: Path | None, as_json: bool) -> None:
    """Check this installation and, if one is named, INDEX; says what is wrong and what to do."""
    well = True
    for what, good, found in _checks(index):
        well = well and good
        if as_json:
            print_json({"check": what, "ok": good, "found": found})
        else:
            print(f"{'ok ' if good else 'BAD'} {what}: {found}")
    if not well:
        raise click.exceptions.Exit(2)


def _checks(index: Path | None) -> Iterator[Check]:
    yield "likewise", True, likewise.__version__
    yield "python", True, f"{platform.python_version()} on {platform.platform()}"
    yield "sqlite", True, sqlite3.sqlite_version
    yield from ((name, True, version(name)) for name in _LIBRARIES)
    scanned = "not installed: large indexes are scanned, which is slower (pip install 'likewise[graph]')"
    yield "faiss-cpu", True, version("faiss-cpu") if find_spec("faiss") else scanned
    yield from ((name, True, found) for name, found in describe_engine().items())
    yield from _model()
    if index is not None:
        yield from _index(index)


def _model() -> Iterator[Check]:
    known = KNOWN_MODELS[DEFAULT_MODEL]
    if known.folder() is None:
        yield "model", False, f"{known.name} is not installed: {known.how_to_install()}"
        return
    good = verify_model(known)
    yield "model", good, f"{known.name} in {known.folder()}" if good else "its weights are not the published ones"
    try:
        shape = load(DEFAULT_MODEL).encode(["ready?"], role="query").shape
    except LikewiseError as error:
        yield "encoder", False, str(error)
    else:
        yield "encoder", True, f"{AUTO_PRECISION}, gives vectors of {shape[1]} dimensions"


def _index(path: Path) -> Iterator[Check]:
    try:
        with Index(path) as index:
            contract = index.contract()
            yield (
                "index",
                True,
                f"{path}: {len(index)} documents, model {contract.architecture if contract else 'none'}",
            )
            problems = index.verify()
            yield "files", not problems, "; ".join(problems) or "every row matches its checksum"
            if contract and len(index):
                index.search("ready?", k=1, mode="dense")
                yield "contract", True, "the encoder here makes the vectors that the index holds"
    except LikewiseError as error:
        yield "index", False, str(error)


PLUGIN = doctor
