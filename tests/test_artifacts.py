"""Saved folders: whole or not there, and damage is named."""

import json

import pytest

from likewise.artifacts import MANIFEST, new_folder, read_manifest, sha256, write_manifest
from likewise.errors import ArtifactError, StorageError


def write(target, text="content"):
    with new_folder(target) as fresh:
        (fresh / "data").write_text(text)
        write_manifest(fresh, kind="test", version=3, values={"colour": "blue"})


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "saved"
    with pytest.raises(KeyError), new_folder(target) as fresh:
        (fresh / "data").write_text("half")
        raise KeyError
    assert list(target.parent.iterdir()) == []
    write(target)
    assert read_manifest(target, kind="test", version=3)["colour"] == "blue"
    write(target, "another's")  # who comes second leaves what is there
    assert (target / "data").read_text() == "content"
    assert [path.name for path in target.parent.iterdir()] == ["saved"]


def test_a_folder_that_can_not_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't write to"):
        write(tmp_path / "file" / "saved")
    with pytest.raises(StorageError, match="can't write"):
        write(tmp_path / "file")


def test_files_in_folders_below_are_held_to_their_sizes_too(tmp_path):
    with new_folder(tmp_path / "saved") as fresh:
        (fresh / "deep").mkdir()
        (fresh / "deep" / "data").write_text("content")
        write_manifest(fresh, kind="test", version=3, values={})
    assert read_manifest(tmp_path / "saved", kind="test", version=3)["sizes"] == {"deep/data": 7}
    (tmp_path / "saved" / "deep" / "data").write_text("cont")
    with pytest.raises(ArtifactError, match="data is missing or not 7 bytes long"):
        read_manifest(tmp_path / "saved", kind="test", version=3)


def test_a_manifest_is_the_same_bytes_each_time(tmp_path):
    write(tmp_path / "a")
    write(tmp_path / "b")
    assert sha256(tmp_path / "a" / MANIFEST) == sha256(tmp_path / "b" / MANIFEST)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), "manifest.json can't be read"),
        (lambda folder: (folder / MANIFEST).write_bytes(b"\xff{"), "manifest.json can't be read"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "manifest.json can't be read"),
        (lambda folder: (folder / MANIFEST).write_text("{}"), "manifest.json can't be read: 'kind'"),
        (lambda folder: (folder / "data").unlink(), "data is missing or not 7 bytes long"),
        (lambda folder: (folder / "data").write_text("cont"), "data is missing or not 7 bytes long"),
    ],
)
def test_damage_is_named(tmp_path, damage, message):
    write(tmp_path / "saved")
    damage(tmp_path / "saved")
    with pytest.raises(ArtifactError, match=message):
        read_manifest(tmp_path / "saved", kind="test", version=3)


def test_another_kind_or_version_is_refused(tmp_path):
    write(tmp_path / "saved")
    for kind, version in (("other", 3), ("test", 4)):
        with pytest.raises(ArtifactError, match=f"is a test of version 3, expected a {kind} of version {version}"):
            read_manifest(tmp_path / "saved", kind=kind, version=version)
    assert json.loads((tmp_path / "saved" / MANIFEST).read_text())["sizes"] == {"data": 7}
