"""Files: catalogues read from them, and reports written to them."""
