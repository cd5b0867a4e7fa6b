"""The layers of ARCHITECTURE.md, and what an import may cost, checked."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import likewise

ROOT = Path(likewise.__file__).parent
LAYERS = [
    {"types", "errors"},
    {"registry", "settings", "artifacts", "safetensors_file", "corpora"},
    {"reading", "chunking", "tokenizing", "modelling", "words", "storing"},
    {"encoding"},
    {"searching", "evaluating", "training"},
    {"cli"},
]
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}
SIBLINGS = LAYERS[2]
# Deliberate imports inside functions: what they bring takes longer than all else that a query does.
LATE = {"encoding/compiled.py", "encoding/models.py", "cli/_output.py", "cli/search.py", "searching/index.py"}
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> set[str]:
    """Parts of likewise that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.add(node.module or "")
    return {name.split(".")[1] for name in names if name.startswith("likewise.")}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_point_down(path):
    here = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for there in imported(ast.parse(path.read_text(encoding="utf-8"))):
        assert LEVEL[there] <= LEVEL[here], f"'{here}' may not import '{there}' above it"
        assert here == there or not {here, there} <= SIBLINGS, f"'{here}' may not import its sibling '{there}'"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_are_short_and_whole_and_import_at_their_top(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert "TODO" not in text
    assert "FIXME" not in text
    inner = [
        node
        for function in ast.walk(ast.parse(text))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not inner or relative(path) in LATE


def test_import_brings_nothing_heavy():
    code = "import sys, json, likewise; likewise.LikewiseError; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(run.stdout)}
    heavy = {"numpy", "onnx", "openvino", "safetensors", "tokenizers", "torch", "transformers", "click"}
    assert not loaded & (heavy | {"sqlite3", "faiss", "pypdf", "yaml", "filelock", "Stemmer"})


def test_searching_a_known_index_brings_no_reader_no_recorder_and_no_torch():
    """What a fresh process pays for one query: a network that is compiled already needs no onnx, a hit no parser."""
    code = "import sys, json, likewise; likewise.Index, likewise.load; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(run.stdout)}
    assert not loaded & {"onnx", "torch", "transformers", "pypdf", "docx", "selectolax", "rich", "pydantic"}


def test_public_names_all_resolve():
    assert {name: getattr(likewise, name).__name__ for name in likewise.__all__} == {
        name: name for name in likewise.__all__
    }
    with pytest.raises(AttributeError, match="no attribute 'Indexx'"):
        _ = likewise.Indexx
