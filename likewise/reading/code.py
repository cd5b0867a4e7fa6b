"""Source code, with its language as tree-sitter's grammars call it."""

from collections.abc import Iterator

from likewise.reading._formats import Content, Format, extension_of
from likewise.types import Document

EXTENSIONS = {
    ".bash": "bash",
    ".c": "c",
    ".cc": "cpp",
    ".cjs": "javascript",
    ".clj": "clojure",
    ".cpp": "cpp",
    ".cs": "c_sharp",
    ".css": "css",
    ".cts": "typescript",
    ".cxx": "cpp",
    ".dart": "dart",
    ".ex": "elixir",
    ".exs": "elixir",
    ".erl": "erlang",
    ".f90": "fortran",
    ".go": "go",
    ".groovy": "groovy",
    ".h": "c",
    ".hh": "cpp",
    ".hpp": "cpp",
    ".hs": "haskell",
    ".hxx": "cpp",
    ".java": "java",
    ".jl": "julia",
    ".js": "javascript",
    ".jsx": "javascript",
    ".kt": "kotlin",
    ".kts": "kotlin",
    ".lua": "lua",
    ".m": "objc",
    ".mjs": "javascript",
    ".ml": "ocaml",
    ".mts": "typescript",
    ".php": "php",
    ".pl": "perl",
    ".pm": "perl",
    ".ps1": "powershell",
    ".py": "python",
    ".pyi": "python",
    ".pyw": "python",
    ".r": "r",
    ".rake": "ruby",
    ".rb": "ruby",
    ".rs": "rust",
    ".scala": "scala",
    ".sh": "bash",
    ".sql": "sql",
    ".svelte": "svelte",
    ".swift": "swift",
    ".ts": "typescript",
    ".tsx": "tsx",
    ".vue": "vue",
    ".zig": "zig",
    ".zsh": "bash",
    "dockerfile": "dockerfile",
    "gemfile": "ruby",
    "makefile": "make",
    "rakefile": "ruby",
}


def _parse(content: Content) -> Iterator[Document]:
    yield content.document(content.text(), format="code", language=EXTENSIONS[extension_of(content.path)])


PLUGIN = Format(EXTENSIONS, _parse)
