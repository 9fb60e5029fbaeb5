"""How Sphinx builds these pages: Markdown in, HTML out, every warning an error."""

import polybot

project = "polybot"
author = "polybot developers"
copyright = "2026, polybot developers"
release = polybot.__version__

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

html_theme = "alabaster"
html_theme_options = {"description": f'{release} "{polybot.CODENAME}"', "fixed_sidebar": True}
html_show_sourcelink = False
