"""JSON files with a checksum in front, so that a bit that flips is damage and not another number."""

import json
from pathlib import Path
from typing import Any
from zlib import crc32


def write_checked(path: Path, values: Any) -> None:
    """Write ``values`` whole or not at all."""
    text = json.dumps(values)
    draft = path.with_name(path.name + ".new")
    draft.write_text(f"{crc32(text.encode())}\n{text}", encoding="utf-8")
    draft.replace(path)


def read_checked(path: Path) -> Any:
    """What ``write_checked`` wrote.

    Raises:
        OSError, ValueError: The file is missing or damaged.
    """
    checksum, _, text = path.read_text(encoding="utf-8").partition("\n")
    if checksum != str(crc32(text.encode())):
        raise ValueError(f"{path}: its checksum does not match")
    return json.loads(text)
