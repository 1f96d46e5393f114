"""Cloister stores, read after docs/store-format.md alone. `cloister_reader.py` beside this package is the command."""
