"""How Sphinx makes the site from the pages; `docs/build_site.py` runs it."""

import sys
from importlib.metadata import distribution
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import contents
import reference
from docutils import nodes

project = "sgdiagrams"
author = "The sgdiagrams authors"
release = version = installed("sgdiagrams")
root_doc = contents.INDEX
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["docs/site"]

# Pages: the Markdown that repositories show, with their anchors of headings.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 6

# Reference: numpydoc sections; annotations as they are written.
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
napoleon_google_docstring = False
napoleon_use_param = False  # names that share a sentence stay together
napoleon_use_rtype = False
napoleon_attr_annotations = False  # signatures have them
napoleon_custom_sections = [("Attributes", "params_style")]
default_role = "py:obj"
toc_object_entries_show_parents = "hide"

# Looks, and nothing from elsewhere: mathematics is set by a copy of MathJax, search runs in the page.
html_theme = "furo"
html_title = f"sgdiagrams {release}"
html_static_path = ["static"]
html_css_files = ["style.css"]
html_show_copyright = False
html_copy_source = False
html_use_index = False  # the rooms list the names
html_domain_indices = False
html_show_search_summary = False  # it would read pages, which browsers forbid without a server
mathjax_path = "tex-svg-full.js"
suppress_warnings = ["misc.highlighting_failure"]  # what commands print is in no language
pygments_style = "friendly"
pygments_dark_style = "monokai"


def add_mathjax(app):
    """Put MathJax beside the pages."""
    app.config.html_static_path.append(
        str(
            distribution("django-static-mathjax").locate_file(
                "mathjax/static/mathjax/es5/tex-svg-full.js"
            )
        )
    )


def keep_sentences(_app, what, _name, _value, _options, lines):
    """Keep "T B: every datapoint is used once." a sentence; Napoleon would read T B as a type."""
    if what in {"attribute", "data", "property"}:
        lines[0] = f": {lines[0]}"  # an empty type


def show_defaults(_app, _what, _name, _value, _options, signature, returned):
    """Show a default that is made anew each time as Python's own stubs do."""
    return (signature and signature.replace("<factory>", "..."), returned)


def end_without_blank_lines(_app, document):
    """Take away the blank line that ends an example for Python's doctest."""
    for block in document.findall(nodes.literal_block):
        text = block.rawsource.rstrip("\n")
        block.rawsource = text  # which is what is highlighted while it equals the text
        block.children = [nodes.Text(text)]


def setup(app):
    """Connect what this site does beyond Sphinx."""
    app.connect("builder-inited", add_mathjax)
    app.connect("autodoc-process-docstring", keep_sentences, priority=400)  # before Napoleon
    app.connect("autodoc-process-signature", show_defaults)
    app.connect("source-read", contents.add_tables_of_contents)
    app.connect("doctree-read", reference.link_names)
    app.connect("doctree-read", end_without_blank_lines)
    app.connect("missing-reference", reference.resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
