"""The child process that does what the resident must not: bytes, TLS, archives, credentials.

It serves one config, ends when its standard input does, and has no life of its own beyond that.
"""
