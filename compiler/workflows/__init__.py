"""What commands do beyond a compile: lock, roll, compare, publish, bundle, record, tell.

Each is a course of stages and adapters around the pipeline; commands add only words and exit codes.
"""
