"""read() and Reading: what the rest of the library sees."""

import hashlib
import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from likewise.errors import ReadingError, SettingError
from likewise.reading import Reading, read


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def reasons(reading: Reading) -> dict[str, str]:
    list(reading)
    return {Path(one.path).name: one.reason for one in reading.report.skipped}


def test_folder_gives_documents_with_paths_relative_to_it(tmp_path: Path) -> None:
    write(tmp_path, {"b/vpn.md": "# VPN", "a.txt": "first"})
    first, second = read(tmp_path)
    assert (first.id, first.source, first.text) == (f"{tmp_path}/a.txt", f"{tmp_path}/a.txt", "first")
    assert second.metadata == {"path": "b/vpn.md", "name": "vpn.md", "extension": "md"}
    assert second.format == "markdown"


def test_same_documents_every_time(tmp_path: Path) -> None:
    write(tmp_path, {"b.md": "b", "a.csv": "title,text\nx,y\n", "c/d.py": "x = 1", "bad.json": "{"})
    reading = read(tmp_path)
    first = list(reading)
    report = reading.report
    assert list(reading) == first == list(read(str(tmp_path)))
    assert reading.report == report
    assert reading.report is not report
    assert (report.read, report.documents, len(report.skipped)) == (3, 3, 1)


def test_touching_a_file_changes_no_document(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "text"})
    reading = read(tmp_path)
    before, state = list(reading), next(reading.files())
    os.utime(tmp_path / "a.md", ns=(1, 1))
    assert list(reading) == before
    assert next(reading.files()) != state


def test_file_states_and_digests(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "text"})
    (state,) = read(tmp_path).files()
    found = os.stat(tmp_path / "a.md")  # noqa: PTH116
    assert (state.path, state.size_bytes, state.inode) == (f"{tmp_path}/a.md", 4, found.st_ino)
    assert (state.modified_ns, state.changed_ns) == (found.st_mtime_ns, found.st_ctime_ns)
    assert read(tmp_path).digest(state) == hashlib.sha256(b"text").hexdigest()


def test_files_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.md": "text", "b.pdf": b"not one"})

    def refuse(*_: object) -> int:
        raise AssertionError("opened a file")

    monkeypatch.setattr(os, "open", refuse)
    assert len(list(read(tmp_path).files())) == 2


def test_empty_folder_gives_nothing(tmp_path: Path) -> None:
    reading = read(tmp_path)
    assert list(reading) == []
    assert reading.report.skipped == []


def test_missing_path_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "handbook").mkdir()
    with pytest.raises(ReadingError, match=r"no file or folder at .*handbok'\. Did you mean '.*/handbook'\?"):
        read(tmp_path / "handbok")
    with pytest.raises(ReadingError, match=r"Did you mean '.*/handbook'\?"):
        read(tmp_path / "handbok" / "vpn.md")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(ReadingError, match="a link to nothing"):
        read(tmp_path / "link")


def test_wrong_arguments_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="got no path"):
        read()
    with pytest.raises(SettingError, match=r"ignore=\['\*.log'\]"):
        read(tmp_path, ignore="*.log")
    with pytest.raises(SettingError, match=r"\[z-a\]"):
        read(tmp_path, ignore=["[z-a]"])
    nameless = tmp_path / os.fsdecode(b"\xff")
    nameless.mkdir()
    with pytest.raises(ReadingError, match=r"\\udcff' is not a UTF-8 name"):
        read(nameless)


def test_one_bad_file_never_stops_the_others(tmp_path: Path) -> None:
    write(tmp_path, {"a.bin": bytes(range(256)) * 9, "b.txt": "", "c.md": " \n ", "d.json": "{", "e.txt": "kept"})
    write(tmp_path, {"f.xyz": "an unknown extension"})
    reading = read(tmp_path)
    assert [document.text for document in reading] == ["kept", "an unknown extension"]
    assert reasons(reading) == {
        "a.bin": "binary file",
        "b.txt": "empty",
        "c.md": "empty",
        "d.json": "not valid JSON: line 1: Expecting property name enclosed in double quotes",
    }


def test_parse_raises_the_bare_reason_and_reports_it(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": ""})
    reading = read(tmp_path)
    (state,) = reading.files()
    with pytest.raises(ReadingError, match=r"^empty$"):
        reading.parse(state)
    assert [(one.path, one.reason) for one in reading.report.skipped] == [(state.path, "empty")]


def test_large_file_is_not_even_opened(tmp_path: Path) -> None:
    with (tmp_path / "big.txt").open("wb") as file:
        file.truncate(50_000_000)
    write(tmp_path, {"small.txt": "x" * 99})
    assert reasons(read(tmp_path)) == {"big.txt": "50.0 MB is over the limit of 32 MB: raise max_bytes (--max-file-mb)"}
    assert reasons(read(tmp_path / "small.txt", max_bytes=98)) == {
        "small.txt": "0.0 MB is over the limit of 9.8e-05 MB: raise max_bytes (--max-file-mb)"
    }


def test_unreadable_file_is_reported_by_parse_and_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.txt": "secret", "b.txt": "open"})
    open_file = os.open

    def guarded(path: str, flags: int) -> int:  # the tests may run as root, whom no permission stops
        if path.endswith("a.txt"):
            raise PermissionError(13, "Permission denied", path)
        return open_file(path, flags)

    monkeypatch.setattr(os, "open", guarded)
    reading = read(tmp_path)
    assert reasons(reading) == {"a.txt": "permission denied"}
    assert reading.report.read == 1
    state = next(reading.files())
    with pytest.raises(ReadingError, match=r"^permission denied$"):
        reading.digest(state)


def test_file_that_vanishes_before_it_is_parsed(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "here"})
    reading = read(tmp_path)
    (state,) = reading.files()
    (tmp_path / "a.txt").unlink()
    with pytest.raises(ReadingError, match="vanished"):
        reading.parse(state)


def test_pipes_sockets_and_devices_never_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "sock"))
    listener.close()
    (tmp_path / "tty").symlink_to("/dev/null")
    assert reasons(read(tmp_path)) == {
        "pipe": "not a file but a pipe",
        "sock": "not a file but a socket",
        "tty": "not a file but a device",
    }
    assert reasons(read(tmp_path / "pipe")) == {"pipe": "not a file but a pipe"}


def test_file_that_becomes_a_pipe_does_not_block(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "here"})
    reading = read(tmp_path)
    (state,) = reading.files()
    (tmp_path / "a.txt").unlink()
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(ReadingError, match="not a file"):
        reading.parse(state)


def test_standard_input_is_read_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("# naïve\r\n".encode())))
    reading = read("-", "-")
    (document,) = reading
    assert (document.id, document.source, document.text) == ("<stdin>", "<stdin>", "# naïve\n")
    assert document.format == "text"
    assert list(reading) == [document]
    (state,) = reading.files()
    assert (reading.roots, state.size_bytes) == (("<stdin>",), 10)
    assert reading.digest(state) == hashlib.sha256("# naïve\r\n".encode()).hexdigest()
    assert next(reading.files()) != state  # so that nobody takes it for unchanged


def test_standard_input_over_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * 100)))
    assert "over the limit" in reasons(read("-", max_bytes=10))["<stdin>"]


def test_importing_the_package_loads_no_parser() -> None:
    code = (
        "import sys, likewise.reading\n"
        "heavy = {'pypdf', 'docx', 'selectolax', 'pathspec', 'charset_normalizer', 'yaml', 'numpy'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_reading_text_loads_no_other_parser(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "text"})
    code = (
        f"import sys, likewise.reading\nassert len(list(likewise.reading.read({str(tmp_path)!r}))) == 1\n"
        "print(sorted({'pypdf', 'docx', 'selectolax', 'yaml'} & sys.modules.keys()))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
