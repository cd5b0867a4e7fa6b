"""The state of a training, kept so that it can go on after a stop."""

import hashlib
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likewise.artifacts import new_folder, read_manifest, write_manifest
from likewise.errors import SettingError
from likewise.safetensors_file import read_file, stored_dtypes, write_file
from likewise.settings import from_dict
from likewise.words.training import TrainingSettings
from likewise.words.vocabulary import Vocabulary

_KIND, _VERSION = "unfinished training of words", 1
_TENSORS = "state.safetensors"
_FREE = {"threads"}  # settings that may change in between


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a training is: what comes next."""

    epoch: int = 0
    sentence: int = 0  # of the epoch
    blocks: int = 0  # done since the beginning
    words: int = 0  # done since the beginning


class Checkpoints:
    """A folder with one folder a checkpoint, of which the last counts; with no folder nothing is kept."""

    def __init__(self, folder: Path | None, *, model: str, settings: TrainingSettings, vocabulary: Vocabulary) -> None:
        self._folder = folder
        kept = {name: value for name, value in asdict(settings).items() if name not in _FREE}
        self._training = {"model": model, **kept, "corpus": _digest(vocabulary)}

    @property
    def wanted(self) -> bool:
        """Whether there is a folder to keep anything in."""
        return self._folder is not None

    def read(self) -> tuple[NDArray[np.float32], NDArray[np.float32], Position] | None:
        """Inputs, outputs and position of the last checkpoint, if there is one.

        Raises:
            SettingError: It is of another training.
            ArtifactError: It is damaged.
        """
        folders = self._folders()
        if not folders:
            return None
        manifest = read_manifest(folders[-1], kind=_KIND, version=_VERSION)
        kept: dict[str, Any] = manifest["training"]
        differing = [
            f"{name} {kept.get(name)} (now {now})" for name, now in self._training.items() if kept.get(name) != now
        ]
        if differing:
            raise SettingError(
                f"{self._folder} holds an unfinished training that differs in {', '.join(differing)}; "
                "train as before to go on with it, or delete it"
            )
        tensors = read_file(folders[-1] / _TENSORS).values
        return np.array(tensors["inputs"]), np.array(tensors["outputs"]), from_dict(Position, manifest["position"])

    def write(self, inputs: NDArray[np.float32], outputs: NDArray[np.float32], position: Position) -> None:
        """Keep the state, and drop what was kept before.

        Raises:
            StorageError: The disk refused.
        """
        if self._folder is None:
            return
        before = self._folders()
        target = self._folder / f"{position.blocks:012d}"
        if target in before:  # nothing was done since
            return
        with new_folder(target) as fresh:
            tensors: dict[str, NDArray[Any]] = {"inputs": inputs, "outputs": outputs}
            write_file(fresh / _TENSORS, tensors, dtypes=stored_dtypes(tensors, None), metadata={})
            values = {"training": self._training, "position": asdict(position)}
            write_manifest(fresh, kind=_KIND, version=_VERSION, values=values)
        for folder in before:
            shutil.rmtree(folder)

    def _folders(self) -> list[Path]:
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if path.name.isdecimal())


def _digest(vocabulary: Vocabulary) -> str:
    digest = hashlib.sha256("\n".join(vocabulary.words).encode("utf-8", "surrogatepass"))
    digest.update(vocabulary.counts.tobytes())
    return f"{vocabulary.total} words, {digest.hexdigest()[:16]}"
