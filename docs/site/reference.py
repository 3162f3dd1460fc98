"""Pages of reference: one for every public name, and one for every room that lists its names."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import contents
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.nodes import make_refnode

#: Classes of other libraries, whose members are documented there.
_FOREIGN = "Expr, Basic, StrPrinter, Exception, BaseException, tuple, object, Protocol, ABC, dict"
_GROUPS = ("Classes", "Functions", "Errors", "Values")
#: How prose names something public: a class, its member, or a function that is called.
_NAMED = re.compile(
    r"(?:sgdiagrams\.|sd\.)?([A-Z]\w*[a-z]\w*(?:\.\w+)?|[a-z]+_\w+|[a-z_]\w*(?=\())(?:\(.*\))?"
)


def homes():
    """Return every public name with the first room that has it, the package itself before others."""
    places = {}
    for room in contents.ROOMS:
        for name in importlib.import_module(room).__all__:
            places.setdefault(name, room)
    return places


def write(folder):
    """Write the pages into a new folder."""
    folder.mkdir()
    places = homes()
    for room in contents.ROOMS:
        names = sorted(importlib.import_module(room).__all__, key=str.lower)
        _write(folder / f"{room}.rst", _room(room, names, places))
        for name in names:
            if places[name] == room:
                _write(folder / f"{room}.{name}.rst", _page(room, name))


def _write(path, lines):
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _room(room, names, places):
    """Return the page of a room: its docstring, and its names with their first sentences."""
    module = importlib.import_module(room)
    lines = [room, "=" * len(room), "", f".. automodule:: {room}", "   :no-members:", ""]
    for group in _GROUPS:
        members = [name for name in names if _group(getattr(module, name)) == group]
        if members:
            lines += ["", f".. rubric:: {group}", "", ".. list-table::", "   :widths: 30 70", ""]
        for name in members:
            lines += [
                f"   * - :py:obj:`~{places[name]}.{name}`",
                f"     - {_sentence(room, name)}",
            ]
    return lines


def _group(value):
    if inspect.isclass(value):
        return "Errors" if issubclass(value, BaseException) else "Classes"
    return "Functions" if inspect.isroutine(value) else "Values"


def _sentence(room, name):
    """Return the first paragraph of what is said about a name, in one line."""
    value = getattr(importlib.import_module(room), name)
    said = _comment(room, name) if _group(value) == "Values" else inspect.getdoc(value)
    return " ".join(said.split("\n\n")[0].split())


def _page(room, name):
    """Return the page of a name."""
    value = getattr(importlib.import_module(room), name)
    lines = [":orphan:", "", name, "=" * len(name), ""]
    lines += [
        f"``from {room} import {name}`` (:doc:`what else is there <{room}>`)",
        "",
        f".. currentmodule:: {room}",
        "",
    ]
    if inspect.ismodule(value):
        return [
            *lines,
            f".. py:data:: {name}",
            "",
            f".. automodule:: {value.__name__}",
            "   :members:",
        ]
    if inspect.isclass(value):
        return [
            *lines,
            f".. autoclass:: {name}",
            "   :members:",
            f"   :inherited-members: {_FOREIGN}",
        ]
    if inspect.isroutine(value):
        return [*lines, f".. autofunction:: {name}"]
    comment = [f"   {line}" for line in _comment(room, name).splitlines()]
    return [*lines, f".. py:data:: {name}", f"   :type: {type(value).__name__}", "", *comment]


def _comment(room, name):
    """Return what is said about a value where it is made: a module's docstring, or ``#:`` lines."""
    value = getattr(importlib.import_module(room), name)
    if inspect.ismodule(value):
        return inspect.getdoc(value).split("\n\n")[0]
    path = Path(importlib.import_module(room).__file__)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            if node.module in contents.ROOMS:
                return _comment(node.module, name)
            comments = ModuleAnalyzer.for_module(node.module).find_attr_docs()
            if ("", name) in comments:
                return "\n".join(comments["", name])
    raise LookupError(
        f"expected a comment that begins with '#:' above {name}, which {room} exports"
    )


def link_names(app, document):
    """Make links of the names of public things in the prose of pages."""
    if app.env.docname.startswith("docs/reference/"):
        return
    places = homes()
    for literal in list(document.findall(nodes.literal)):
        match = _NAMED.fullmatch(literal.astext())
        is_name = match and match[1].partition(".")[0] in places
        if is_name and not isinstance(literal.parent, (nodes.reference, nodes.title, pending_xref)):
            literal.replace_self(
                pending_xref(
                    "",
                    literal.deepcopy(),
                    refdoc=app.env.docname,
                    refdomain="py",
                    reftype="obj",
                    reftarget=match[1],
                )
            )


def resolve(app, env, node, shown):
    """Link a name that stands without its room, or with the module that it is made in, to its page."""
    if node.get("refdomain") != "py":
        return None
    known, places = env.get_domain("py").objects, homes()
    parts = node.get("reftarget", "").lstrip("~").split(".")
    for length in (2, 1):
        first, *rest = parts[-length:]
        full = ".".join([places.get(first, ""), first, *rest])
        if len(parts) >= length and full in known:
            entry = known[full]
            return make_refnode(
                app.builder, node["refdoc"], entry.docname, entry.node_id, shown, full
            )
    return None
