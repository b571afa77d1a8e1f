"""One module per command of the program, each with `main(flags, words) -> exit code`.

`flags` holds the command's flags by name without dashes, such as `work-key`; a flag without a
value is there with an empty text, one that was not given is not there, unless `sidecar/cli.py`
states a default. `words` are the other arguments. Which flags there are is said once, in the table
of `sidecar/cli.py`. A ReasonError or OSError that leaves `main` is told in plain words by the
program, which also knows its exit code. Commands wire the floors below and print; they decide
nothing.
"""
