r"""Files, folders and standard input to documents: one file per format.

>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     _ = Path(folder, "vpn.md").write_text("# VPN\n\nRestart the client.")
...     [document.metadata["name"] for document in read(folder)]
['vpn.md']
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# name -> the module that defines it. Looking a format up by name must not load the walk, nor a parser.
_PUBLIC = {
    "Content": "likewise.reading._formats",
    "FileState": "likewise.reading._walk",
    "Format": "likewise.reading._formats",
    "FORMATS": "likewise.reading._formats",
    "ReadReport": "likewise.reading._report",
    "Reading": "likewise.reading._reading",
    "Skipped": "likewise.reading._report",
    "read": "likewise.reading._reading",
}
__all__ = sorted(_PUBLIC)

if TYPE_CHECKING:  # what editors and mypy see
    from likewise.reading._formats import FORMATS as FORMATS
    from likewise.reading._formats import Content as Content
    from likewise.reading._formats import Format as Format
    from likewise.reading._reading import Reading as Reading
    from likewise.reading._reading import read as read
    from likewise.reading._report import ReadReport as ReadReport
    from likewise.reading._report import Skipped as Skipped
    from likewise.reading._walk import FileState as FileState


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'likewise.reading' has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_PUBLIC]
