"""A small folder of documents, and its index."""

import shutil
from pathlib import Path

import pytest

import likewise as lw

FILES = {
    "account.md": "# Account\n\n## Lost password\n\nReset it from the sign-in page: a link comes by mail.\n\n"
    "## Closing\n\nWrite to support and we remove everything within a week.\n",
    "garden/owls.txt": "Barn owls hunt voles at night. They nest in old barns and hollow trees.",
    "garden/watering.txt": "Water tomatoes in the morning, at the root, and never at noon.",
    "staff.csv": "name,role,year\nAda,engineer,2019\nBo,gardener,2021\nCy,engineer,2023\n",
    "tool.py": 'def drain(tank):\n    """Empty a tank through its valve."""\n    tank.valve.open()\n',
}


def write_files(folder: Path) -> Path:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="session")
def kept(tmp_path_factory, encoder) -> Path:
    """The documents and their index, made once; ``made`` hands out copies."""
    folder = tmp_path_factory.mktemp("kept")
    lw.Index(folder / "index").add(lw.read(write_files(folder / "documents")))
    return folder


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_files(tmp_path / "documents")


@pytest.fixture
def index(folder, tmp_path, encoder):
    """An index of ``folder``, up to date."""
    with lw.Index(tmp_path / "index") as made:
        made.add(lw.read(folder))
        yield made


@pytest.fixture
def no_model(monkeypatch):
    """Whoever loads a model fails."""

    def load(*_, **__):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("likewise.searching.own_models.load", load)


@pytest.fixture
def copied(kept, tmp_path) -> Path:
    """An index's folder that a test may damage."""
    return Path(shutil.copytree(kept / "index", tmp_path / "copied"))
