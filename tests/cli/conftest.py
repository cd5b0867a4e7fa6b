"""How tests run the command: in this process, or in one of its own."""

import subprocess
import sys

import pytest

from likewise.cli._app import main


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command in this process: (exit code, lines on stdout, lines on stderr)."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["likewise", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
            sys.exit(0)
        out, err = capsys.readouterr()
        return ended.value.code or 0, out.splitlines(), err.splitlines()

    return command


@pytest.fixture
def run_apart():
    """As ``run``, in a process of its own: for commands that stay on one core from then on."""

    def command(*arguments):
        code = "from likewise.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()

    return command
