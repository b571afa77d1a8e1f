"""Compares two outputs by meaning: pairs objects, names fields, says what a change does.

Two folders of files in, a `Comparison` out. No Git, no cluster and no spec: what a change does is
read from the objects alone.
"""
