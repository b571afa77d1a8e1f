"""One module per output format for diagnostics and results. Takes data, returns text."""
