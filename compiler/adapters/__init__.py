"""The world: the only code that imports boto3, git or kubernetes, or opens a socket.

Imported lazily, so that no command pays for a part of the world that it does not touch.
"""
