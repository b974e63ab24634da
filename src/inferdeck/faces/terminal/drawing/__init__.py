"""This is where values become rows of terminal cells: pure functions, the standard library alone.

Nothing here knows a terminal or a toolkit. A picture is rows of spans, (text, style name); the names say what a text
means (picture.STYLES), and whoever shows the picture gives them colours. Texts from outside are data: they are cleaned
(model/cells.py) and never parsed as markup.
"""
