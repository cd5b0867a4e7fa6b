"""Plug-ins by name, settings from plain values, and the errors of both."""

import builtins
from dataclasses import dataclass

import pytest

from likewise import errors
from likewise.chunking import CHUNKERS
from likewise.cli._app import COMMANDS
from likewise.errors import MissingExtraError, SettingError, UnknownNameError
from likewise.modelling.families import FAMILIES
from likewise.modelling.pooling import POOLINGS
from likewise.registry import Table, require
from likewise.settings import from_dict, to_dict


@pytest.mark.parametrize("folder", [COMMANDS, CHUNKERS, FAMILIES], ids=lambda folder: folder.kind)
def test_every_plug_in_is_found_described_and_missed_by_name(folder):
    assert folder.names() == sorted(set(folder.names()))
    for name in folder.names():
        assert folder.get(name) is folder.get(name)
        assert folder.summary(name)
    for wrong in ("_app", "", "no such", "a.b", folder.names()[0] + "x"):
        with pytest.raises(UnknownNameError, match=f"no {folder.kind} named {wrong!r}.*Known: {folder.names()[0]}"):
            folder.get(wrong)


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="pooling 'mean' is already taken"):
        POOLINGS.add("mean")(lambda *_: None)
    with pytest.raises(UnknownNameError, match=r"no greeting named 'hi'. Known: none."):
        Table("greeting").find("hi")


@dataclass(frozen=True, kw_only=True)
class Sample:
    colour: str
    size: int = 3


def test_settings_are_read_strictly_and_come_back():
    assert from_dict(Sample, to_dict(Sample(colour="blue"))) == Sample(colour="blue", size=3)
    with pytest.raises(SettingError, match=r"no Sample setting named 'color'. Did you mean 'colour'\?"):
        from_dict(Sample, {"color": "blue"})
    with pytest.raises(SettingError, match=r"Sample: .*missing.*'colour'"):
        from_dict(Sample, {"size": 1})


def test_a_missing_extra_names_what_to_install():
    assert require("json", feature="reading", extra="all").loads("1") == 1
    with pytest.raises(MissingExtraError, match=r"painting needs the 'art' extra: pip install 'likewise\[art\]'"):
        require("no_such_library", feature="painting", extra="art")


def test_every_error_is_in_the_tree_and_also_what_python_calls_it():
    kinds = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and "Error" in name}
    assert errors.__doc__ is not None
    for name, kind in kinds.items():
        assert issubclass(kind, errors.LikewiseError)
        (line,) = (line for line in errors.__doc__.splitlines() if name in line.split()[:3])
        if "(also " in line:
            assert issubclass(kind, getattr(builtins, line.partition("(also ")[2].rstrip(")")))
