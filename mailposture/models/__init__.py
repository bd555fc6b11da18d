"""Rows: they store and find, and decide nothing."""
