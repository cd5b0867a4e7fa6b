"""What an install takes on the disk: a fresh virtual environment with this project and the default model's weights.

    python benchmarks/install_size.py

Needs the package index, and some minutes. Megabytes are millions of bytes of site-packages. What every environment
begins with (pip, setuptools) is left out; the .pyc files that pip compiles are in, and shown apart as well.
"""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from reporting import Row, at_most, parser, print_settings, print_table

from likewise.encoding.catalogue import DEFAULT_MODEL, KNOWN_MODELS

ROOT = Path(__file__).parent.parent
MOST_MB = 500
_SHOWN = 15
_BEFORE = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")
_PYC = "of this, .pyc files"


def main() -> None:
    arguments = parser(__doc__).parse_args()
    with TemporaryDirectory() as folder:
        sizes = _install(Path(folder) / "environment")
    compiled = sizes.pop(_PYC)
    total = sum(sizes.values())
    rows: list[Row] = [{"folder": "all", "mb": round(total, 1), **at_most(round(total, 1), MOST_MB)}]
    rows.append({"folder": _PYC, "mb": round(compiled, 1)})
    rows.append({"folder": "torch", "mb": sizes.get("torch", 0.0), **at_most(sizes.get("torch", 0.0), 0)})
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:_SHOWN]
    rows += [{"folder": name, "mb": round(size, 1)} for name, size in largest]
    print_settings({"model": DEFAULT_MODEL}, as_json=arguments.json)
    print_table("Disk of the core install", rows, as_json=arguments.json)


def _install(environment: Path) -> dict[str, float]:
    """Megabytes of each folder or file in site-packages."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, str(ROOT)], check=True)
    subprocess.run([*pip, "--no-deps", KNOWN_MODELS[DEFAULT_MODEL].distribution], check=True)
    packages = next(environment.glob("lib/python*/site-packages"))
    sizes: defaultdict[str, float] = defaultdict(float)
    for path in packages.rglob("*"):
        top = path.relative_to(packages).parts[0]
        if path.is_file() and not top.startswith(_BEFORE):
            sizes[top] += path.stat().st_size / 1e6
            sizes[_PYC] += path.stat().st_size / 1e6 if path.suffix == ".pyc" else 0.0
    return dict(sizes)


if __name__ == "__main__":
    main()
