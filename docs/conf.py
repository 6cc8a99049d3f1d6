"""How the documentation is built; warnings are errors (`make docs`)."""

import omprov

project = "OMProv"
copyright = "the OMProv contributors"
version = release = omprov.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "OMProv"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
add_module_names = False
napoleon_use_ivar = True
default_role = "code"
suppress_warnings = ["ref.python"]
