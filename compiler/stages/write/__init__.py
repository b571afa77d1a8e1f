"""The verb write: a tree into a folder, each directory wholly old or wholly new.

`write.py` is the stage. Only here is anything changed on disk, and only what a ledger owns.
"""
