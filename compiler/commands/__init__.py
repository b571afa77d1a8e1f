"""One module per command: wires adapters into the pipeline and prints. No compiling here."""
