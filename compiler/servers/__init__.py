"""One module per model server flavour: ports, probes, file layout, load hook, arguments."""
