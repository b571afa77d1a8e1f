"""The verb resolve: a spec into environments with their clusters, sites and settings.

`resolve.py` is the stage. No module touches the outside world: a lock is read, never looked up.
"""
