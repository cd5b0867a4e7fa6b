"""Which grammar reads a programming language, and what it calls definitions. To add one, add a line and its package."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """Node types are those of the grammar's own node-types.json; more of a pattern may follow the type."""

    module: str
    function: str = "language"
    definitions: tuple[str, ...]
    wrappers: tuple[str, ...] = ()  # around one definition, and part of it
    comments: tuple[str, ...] = ("comment",)


_ASSIGNED = "(variable_declarator value: [(arrow_function) (function_expression)])"
_JAVASCRIPT = (
    "function_declaration",
    "generator_function_declaration",
    "class_declaration",
    "method_definition",
    f"lexical_declaration {_ASSIGNED}",
    f"variable_declaration {_ASSIGNED}",
)
_TYPESCRIPT = (
    *_JAVASCRIPT,
    "abstract_class_declaration",
    "interface_declaration",
    "enum_declaration",
    "type_alias_declaration",
    "internal_module",
)
_C = ("function_definition", "struct_specifier body: (_)", "union_specifier body: (_)", "enum_specifier body: (_)")
_TYPES = ("class_declaration", "interface_declaration", "enum_declaration")
_METHODS = ("method_declaration", "constructor_declaration")

# The names are those that reading gives to Document.language.
GRAMMARS = {
    "python": Grammar(
        module="tree_sitter_python",
        definitions=("function_definition", "class_definition"),
        wrappers=("decorated_definition",),
    ),
    "javascript": Grammar(module="tree_sitter_javascript", definitions=_JAVASCRIPT, wrappers=("export_statement",)),
    "typescript": Grammar(
        module="tree_sitter_typescript",
        function="language_typescript",
        definitions=_TYPESCRIPT,
        wrappers=("export_statement",),
    ),
    "tsx": Grammar(
        module="tree_sitter_typescript",
        function="language_tsx",
        definitions=_TYPESCRIPT,
        wrappers=("export_statement",),
    ),
    "java": Grammar(
        module="tree_sitter_java",
        definitions=(*_TYPES, *_METHODS, "record_declaration", "annotation_type_declaration"),
        comments=("line_comment", "block_comment"),
    ),
    "go": Grammar(
        module="tree_sitter_go", definitions=("function_declaration", "method_declaration", "type_declaration")
    ),
    "rust": Grammar(
        module="tree_sitter_rust",
        definitions=(
            "function_item",
            "struct_item",
            "enum_item",
            "union_item",
            "trait_item",
            "impl_item",
            "mod_item",
            "macro_definition",
        ),
        comments=("line_comment", "block_comment", "attribute_item"),
    ),
    "c": Grammar(module="tree_sitter_c", definitions=_C),
    "cpp": Grammar(
        module="tree_sitter_cpp",
        definitions=(*_C, "class_specifier body: (_)", "namespace_definition"),
        wrappers=("template_declaration",),
    ),
    "ruby": Grammar(module="tree_sitter_ruby", definitions=("method", "singleton_method", "class", "module")),
    "c_sharp": Grammar(
        module="tree_sitter_c_sharp",
        definitions=(*_TYPES, *_METHODS, "struct_declaration", "record_declaration", "namespace_declaration"),
    ),
    "php": Grammar(
        module="tree_sitter_php",
        function="language_php",
        definitions=(*_TYPES, "trait_declaration", "function_definition", "method_declaration"),
    ),
    "bash": Grammar(module="tree_sitter_bash", definitions=("function_definition",)),
}
