"""Find plug-ins by name without importing them.

A folder is a registry: each file in it is one plug-in, the file's name is the plug-in's name, its docstring's
first line is its one-line description, and ``PLUGIN`` is the object. Other packages add theirs with an entry
point in the group of the same name. Files that start with an underscore are the folder's own parts.
"""

import ast
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

from likewise.errors import MissingExtraError, UnknownNameError

T = TypeVar("T")


class Folder(Generic[T]):
    """Plug-ins kept as one file each in a package, e.g. ``Folder("chunker", "likewise.chunking")``."""

    def __init__(self, kind: str, package: str, *, attribute: str = "PLUGIN") -> None:
        self.kind, self.package, self.attribute = kind, package, attribute

    def names(self) -> list[str]:
        """Names, sorted. Imports nothing but the package itself."""
        own = {m.name for m in iter_modules(import_module(self.package).__path__) if m.name[0] != "_"}
        return sorted(own | {e.name for e in entry_points(group=self.package)})

    def get(self, name: str) -> T:
        """Import the one module that defines ``name``.

        Raises:
            UnknownNameError: Nothing of that name is installed.
        """
        own = f"{self.package}.{name}"
        if not name.startswith("_") and name.isidentifier() and find_spec(own):
            plugin: T = getattr(import_module(own), self.attribute)
            return plugin
        for entry in entry_points(group=self.package, name=name):
            loaded: T = entry.load()
            return loaded
        raise UnknownNameError(self.kind, name, self.names())

    def summary(self, name: str) -> str:
        """First line of the plug-in's docstring, read from its source; nothing is imported."""
        spec = find_spec(f"{self.package}.{name}")
        source = spec.loader.get_source(spec.name) if spec else None  # type: ignore[union-attr]
        return (ast.get_docstring(ast.parse(source or "")) or "").partition("\n")[0]


class Table(dict[str, T]):
    """Plug-ins that are single functions, kept together in one file.

    >>> greet = Table("greeting")
    >>> @greet.add("hi")
    ... def hi(): return "hi!"
    >>> greet.find("hi")()
    'hi!'
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def add(self, name: str) -> Callable[[T], T]:
        def keep(function: T) -> T:
            if name in self:
                raise ValueError(f"{self.kind} {name!r} is already taken by {self[name]!r}")
            self[name] = function
            return function

        return keep

    def find(self, name: str) -> T:
        try:
            return self[name]
        except KeyError:
            raise UnknownNameError(self.kind, name, self) from None


def require(module: str, *, feature: str, extra: str) -> Any:
    """Import an optional dependency, or say which extra brings it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(feature, extra) from error
