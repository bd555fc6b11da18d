"""SVG drawn on the server: mail flow, exposure strips, progress ticks, and the table of states.

Strings out, escaped, without a style attribute: geometry in attributes, appearance in classes.
"""
