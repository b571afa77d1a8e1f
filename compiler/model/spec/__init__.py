"""The spec language as frozen data: one module for each family of nouns.

Import the classes from the module that declares them; this package loads nothing by itself.
"""
