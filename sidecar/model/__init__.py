"""The sidecar's nouns: immutable data without input or output, cheap to import.

They are named tuples and not dataclasses: the `dataclasses` module alone costs a resident process
1.2 MiB.
"""
