"""What all tests share: one compile cache of their own, the encoder, and the sentences."""

from functools import cache
from pathlib import Path

import pytest
from tiny_model import write_model

import likewise

TESTS = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory):
    """The user's cache folder is another one meanwhile: for this process and those that tests start."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))
        patch.setenv("LIKEWISE_OFFLINE", "1")
        yield folder


@pytest.fixture(scope="session")
def networks(cache_folder) -> Path:
    """The folder of compiled networks that is used where none is named."""
    return cache_folder / "likewise" / "networks"


@pytest.fixture(scope="session")
def encoder(networks):
    """The default encoder: int8."""
    return likewise.load("all-MiniLM-L6-v2", cache=networks)


@pytest.fixture(scope="session")
def exact_encoder(networks):
    return likewise.load("all-MiniLM-L6-v2", precision="float32", cache=networks)


@pytest.fixture(scope="session", autouse=True)
def loaded_once(cache_folder):
    """Indexes opened in this process share their encoders, for a load takes longer than most of what is tested."""
    real = cache(lambda model, precision, source: likewise.load(model, precision=precision, source=source))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "likewise.searching.own_models.load",
            lambda model, *, precision, source, progress: real(model, precision, source),
        )
        yield


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    return (TESTS / "data" / "sentences.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def model(tmp_path) -> Path:
    """A model folder of random weights that compiles in no time."""
    return write_model(tmp_path / "tiny")
