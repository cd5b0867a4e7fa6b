"""Which files a folder gives, in which order, and what is said of those left out."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from likewise.reading import Reading, read


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    return folder


def found(reading: Reading) -> list[str]:
    root = reading.roots[0]
    return [os.path.relpath(file.path, root) for file in reading.files()]


def test_order_is_that_of_the_paths(tmp_path: Path) -> None:
    make(tmp_path, "b.md", "a/z.md", "a.md", "a-b.md", "a/b/c.md", "B.md", "é.md", "a0.md")
    paths = [file.path for file in read(tmp_path).files()]
    assert paths == sorted(paths)
    assert len(paths) == 8


def test_hidden_and_junk_are_left_out_in_silence(tmp_path: Path) -> None:
    make(tmp_path, "a.md", ".hidden.md", ".git/x", "node_modules/x.md", "d/__pycache__/x.py")
    make(tmp_path, "env/pyvenv.cfg", "env/lib/x.py", "target/CACHEDIR.TAG", "target/x.md")
    reading = read(tmp_path)
    assert found(reading) == ["a.md"]
    assert reading.report.skipped == []


def test_what_is_asked_for_by_name_is_read_whatever_the_rules(tmp_path: Path) -> None:
    make(tmp_path, ".git/HEAD", "out/.hidden.md", "out/node_modules/x.md", "out/a.log")
    (tmp_path / ".gitignore").write_text("out/\n*.log\n")
    names = ["out/.hidden.md", "out/node_modules/x.md", "out/a.log"]
    reading = read(*(tmp_path / name for name in names), ignore=["*.md"])
    assert [file.path for file in reading.files()] == [str(tmp_path / name) for name in names]
    assert [Path(file.path).name for file in read(tmp_path / "out").files()] == ["a.log"]


def test_gitignore_files_nest_and_the_inner_one_wins(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "keep.log", "build/x.md", "d/a.log", "d/e/a.log", "d/only.md", "only.md", "d/build")
    (tmp_path / ".gitignore").write_text("# comment\n*.log\n!keep.log\nbuild/\n/only.md\n")
    (tmp_path / "d/.gitignore").write_text("!a.log\n")
    (tmp_path / "d/e/.gitignore").write_text("*\n")
    assert found(read(tmp_path)) == ["d/a.log", "d/build", "d/only.md", "keep.log"]
    assert "a.log" in found(read(tmp_path, gitignore=False))


def test_gitignore_above_the_folder_counts_up_to_the_top_of_the_repository(tmp_path: Path) -> None:
    make(tmp_path, "repo/docs/a.md", "repo/docs/a.tmp", "repo/docs/b.bak")
    (tmp_path / ".gitignore").write_text("*.md\n")
    (tmp_path / "repo/.gitignore").write_text("*.tmp\n")
    assert found(read(tmp_path / "repo/docs")) == ["a.md", "a.tmp", "b.bak"]
    (tmp_path / "repo/.git").mkdir()
    assert found(read(tmp_path / "repo/docs")) == ["a.md", "b.bak"]


def test_patterns_of_the_caller_come_first(tmp_path: Path) -> None:
    make(tmp_path, "a.md", "b.log", "drafts/c.md", "d/drafts/e.md")
    (tmp_path / ".gitignore").write_text("*.log\n")
    assert found(read(tmp_path, ignore=["/drafts/", "!b.log"])) == ["a.md", "b.log", "d/drafts/e.md"]


def test_bad_gitignore_lines_are_reported_and_the_others_count(tmp_path: Path) -> None:
    make(tmp_path, "a.md", "b.log")
    (tmp_path / ".gitignore").write_bytes(b"[z-a]\n!\n*.log\n\xff\n")
    reading = read(tmp_path)
    assert found(reading) == ["a.md"]
    assert [one.reason for one in reading.report.skipped] == [
        "not a valid pattern: '[z-a]'",
        "not a valid pattern: '!'",
    ]


def test_links_are_followed_once_and_never_take_the_place_of_the_real_file(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    make(tmp_path, "outside/far.md", "root/real/a.md", "root/real/b.md")
    (root / "0-link-in").symlink_to(root / "real")
    (root / "0-file").symlink_to(root / "real/a.md")
    (root / "1-link-out").symlink_to(outside)
    (root / "2-again").symlink_to(outside)
    reading = read(root)
    assert found(reading) == ["real/a.md", "real/b.md", "1-link-out/far.md"]
    assert {Path(one.path).name: one.reason for one in reading.report.skipped} == {
        "0-file": "link to a file that is read under its own path",
        "0-link-in": f"the same folder as {root}/real, which is read once",
        "2-again": f"the same folder as {root}/1-link-out, which is read once",
    }


def test_link_to_a_hidden_file_is_read(tmp_path: Path) -> None:
    make(tmp_path, ".versions/3.md")
    (tmp_path / "current.md").symlink_to(".versions/3.md")
    assert found(read(tmp_path)) == ["current.md"]


def test_symlink_loops_and_broken_links_are_reported(tmp_path: Path) -> None:
    make(tmp_path, "a/x.md")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "gone").symlink_to("nowhere")
    reading = read(tmp_path)
    assert found(reading) == ["a/x.md"]
    assert {Path(one.path).name: one.reason for one in reading.report.skipped} == {
        "up": f"the same folder as {tmp_path}, which is read once",
        "self": "symlink loop",
        "gone": "broken link",
    }


def test_unreadable_folder_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/x.md", "b/y.md")
    scan = os.scandir

    def guarded(path: str) -> object:
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)
    reading = read(tmp_path)
    assert found(reading) == ["b/y.md"]
    assert [(one.path, one.reason) for one in reading.report.skipped] == [(f"{tmp_path}/a", "permission denied")]


def test_roots_that_overlap_give_each_file_once(tmp_path: Path) -> None:
    make(tmp_path, "a/x.md", "a/b/y.md", "z.md")
    reading = read(tmp_path / "a/b", tmp_path, tmp_path / "z.md", tmp_path, tmp_path / "a")
    assert [Path(file.path).name for file in reading.files()] == ["y.md", "x.md", "z.md"]
    assert reading.report.skipped == []


def test_name_that_is_not_utf8_is_reported_printably(tmp_path: Path) -> None:
    make(tmp_path, "a.md")
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("text")
    reading = read(tmp_path)
    assert found(reading) == ["a.md"]
    ((path, reason),) = [(one.path, one.reason) for one in reading.report.skipped]
    assert path.encode().endswith(b"/caf?.md")
    assert reason == "its name is not UTF-8: rename it"


@pytest.fixture
def deep_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder 1,200 levels down, taken away again by hand: shutil.rmtree is one of those who can't follow."""
    folder = tmp_path
    for _ in range(1200):
        folder = folder / "d"
        folder.mkdir()
    yield folder
    while folder != tmp_path:
        folder.rmdir()
        folder = folder.parent


def test_a_tree_deeper_than_python_calls(tmp_path: Path, deep_folder: Path) -> None:
    file = deep_folder / "x.md"
    file.write_text("text")
    try:
        assert [state.path for state in read(tmp_path).files()] == [str(file)]
    finally:
        file.unlink()
