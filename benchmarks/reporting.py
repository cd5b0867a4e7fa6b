"""Results as an aligned table for people, or as JSON lines for programs."""

import argparse
import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TypeAlias

from likewise.encoding.engines.openvino import describe_engine

Value: TypeAlias = str | int | float | bool
Row: TypeAlias = Mapping[str, Value]

_LIBRARIES = ("likewise", "numpy", "openvino", "tokenizers", "faiss-cpu")


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows a script's docstring, with the option that all scripts have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", action="store_true", help="print one JSON object a line instead of tables")
    return made


def print_settings(settings: Row, *, as_json: bool) -> None:
    """What made the numbers: the script's own settings, then versions, processor and cores."""
    everything = {**settings, "python": platform.python_version(), **_versions(), **describe_engine()}
    if as_json:
        print(json.dumps({"settings": everything}))
    else:
        print("; ".join(f"{name} {value}" for name, value in everything.items()), flush=True)


def print_table(title: str, rows: Sequence[Row], *, as_json: bool) -> None:
    """Rows that share their columns; a column that a row lacks stays empty."""
    if as_json:
        for row in rows:
            print(json.dumps({"table": title, **row}), flush=True)
        return
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, *([_shown(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    print(f"\n{title}")
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(), flush=True)


def at_least(value: float, target: float) -> dict[str, Value]:
    """The columns that hold a value against the least that it must reach."""
    return {"target": f"≥ {target}", "met": bool(value >= target)}


def at_most(value: float, target: float) -> dict[str, Value]:
    """The columns that hold a value against the most that it may be."""
    return {"target": f"≤ {target}", "met": bool(value <= target)}


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
