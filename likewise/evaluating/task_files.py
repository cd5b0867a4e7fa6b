"""A task: a small TOML file that names its kind, files and columns.

    kind = "retrieval"
    summary = "Aerodynamics: abstracts that answer a question"
    languages = ["en"]

    [documents]
    file = "cranfield/docs.jsonl.gz"
    columns = { id = "id", text = ["title", "text"] }

Tables are those of the kind, each as ``RowSource`` has it; ``[settings]`` are the kind's own. For a folder in the
layout of BEIR, ``beir = "scifact"`` stands for the tables of documents, queries and judgements.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from likewise.artifacts import sha256 as file_sha256
from likewise.errors import DataError, LikewiseError, SettingError, UnknownNameError
from likewise.evaluating.data_files import Known, RowSource, find_file, read_rows
from likewise.evaluating.kinds import KINDS, Columns, Kind, Rows
from likewise.settings import from_dict, to_dict

_FOLDER = Path(__file__).parent / "tasks"
_OWN_KEYS = ("kind", "summary", "languages", "settings", "beir", "split")
_BEIR = ("documents", "queries", "qrels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to evaluate on, and how. Nothing of its data has been read."""

    name: str
    kind: str
    summary: str
    languages: Sequence[str]  # ISO 639-1 codes of its texts; none says nothing of them
    tables: Mapping[str, RowSource]
    settings: Any  # of the kind's dataclass
    folder: Path | None  # of the file, if it is a user's own: where its data is, unless another folder is named


def task_names() -> list[str]:
    """The tasks that come along, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def read_task(name_or_file: str | Path) -> Task:
    """A task by its name, or from a TOML file of one's own.

    Raises:
        UnknownNameError: No task of that name, or no kind.
        SettingError: A key, table, column or setting that the kind does not have, or one that is missing.
        DataError: The file can't be read.
    """
    own = Path(name_or_file).suffix == ".toml"
    path = Path(name_or_file) if own else _FOLDER / f"{name_or_file}.toml"
    if not own and path.stem not in task_names():
        raise UnknownNameError("task", str(name_or_file), task_names())
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} can't be read as TOML: {error}") from error
    try:
        return _task(path.stem, values, path.parent if own else None)
    except LikewiseError as error:
        raise SettingError(f"{path}: {error}") from error


def rows_of(task: Task, data: Path | None) -> Rows:
    """The rows of a task's tables.

    Args:
        task: Whose.
        data: The folder that its files lie below; None takes that of the task's own file.

    Raises:
        DataError: What ``read_rows`` raises, or there is no folder to look in.
    """
    folder, known = folder_of(task, data), Known()
    return {name: read_rows(source, folder, known=known) for name, source in task.tables.items()}


def missing_files(task: Task, data: Path | None) -> list[str]:
    """Files of the task that are not there."""
    folder = folder_of(task, data)
    return sorted({source.file for source in task.tables.values() if find_file(folder, source.file) is None})


def task_digest(task: Task, data: Path | None) -> str:
    """Hex sha256 of all that a score depends on beside the model: the task, its files' bytes, its kind's version.

    Raises:
        DataError: A file is missing.
    """
    folder, digests = folder_of(task, data), {}
    for source in task.tables.values():
        path = find_file(folder, source.file)
        if path is None:
            raise DataError(f"there is no {folder / source.file}: check --data, the folder that the sets lie in")
        digests[source.file] = file_sha256(path)
    said = {
        "kind": task.kind,
        "version": KINDS.get(task.kind).version,
        "tables": {name: to_dict(source) for name, source in task.tables.items()},
        "settings": to_dict(task.settings),
        "files": digests,
    }
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def folder_of(task: Task, data: Path | None) -> Path:
    """Where a task's files are looked for."""
    folder = data or task.folder
    if folder is None:
        raise DataError(f"the data of {task.name} does not come along: say in which folder the sets lie (--data)")
    return folder


def _task(name: str, values: Mapping[str, Any], folder: Path | None) -> Task:
    kind_name = values.get("kind")
    if not isinstance(kind_name, str):
        raise SettingError(f"a task says its kind: one of {', '.join(KINDS.names())}")
    kind = KINDS.get(kind_name)
    for key in values:
        if key not in (*_OWN_KEYS, *kind.tables):
            raise UnknownNameError(f"key of a {kind_name} task", key, [*_OWN_KEYS, *kind.tables])
    found = {**_beir_tables(values, kind), **{table: values[table] for table in kind.tables if table in values}}
    if missing := [table for table, columns in kind.tables.items() if columns.needed and table not in found]:
        raise SettingError(f"the table [{missing[0]}] is missing; a {kind_name} task has {', '.join(kind.tables)}")
    return Task(
        name=name,
        kind=kind_name,
        summary=str(values.get("summary", "")),
        languages=tuple(values.get("languages", ())),
        tables={table: _source(table, source, kind.tables[table]) for table, source in found.items()},
        settings=from_dict(kind.settings, {**kind.defaults, **values.get("settings", {})}),
        folder=folder,
    )


def _source(table: str, values: Any, columns: Columns) -> RowSource:
    if not isinstance(values, Mapping) or not isinstance(values.get("columns", {}), Mapping):
        raise SettingError(f"[{table}] must be a table with file and columns, got {values!r}")
    source = from_dict(RowSource, {"columns": {}, **values})
    known = [*columns.required, *columns.optional]
    for name in source.columns:
        if name not in known:
            raise UnknownNameError(f"column of [{table}]", name, known)
    if missing := [name for name in columns.required if name not in source.columns]:
        raise SettingError(f"[{table}] does not say which column is {missing[0]!r}; it needs {', '.join(known)}")
    return source


def _beir_tables(values: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """The tables of a folder as BEIR has them (Thakur et al. 2021, arXiv:2104.08663)."""
    folder, split = values.get("beir"), values.get("split", "test")
    if folder is None:
        if "split" in values:
            raise SettingError("split is of a folder as BEIR has them: name it with beir = …")
        return {}
    if not set(_BEIR) <= set(kind.tables):
        raise SettingError("beir = … stands for documents, queries and qrels, which tasks of this kind do not have")
    return {
        "documents": {"file": f"{folder}/corpus.jsonl", "columns": {"id": "_id", "text": ["title", "text"]}},
        "queries": {"file": f"{folder}/queries.jsonl", "columns": {"id": "_id", "text": "text"}},
        "qrels": {
            "file": f"{folder}/qrels/{split}.tsv",
            "columns": {"query": "query-id", "document": "corpus-id", "grade": "score"},
        },
    }
