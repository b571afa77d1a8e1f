"""The store on disk: what lies where, and every change of it.

A name exists only when its content was verified and synced. The directories are the database:
what JSON lies beside them can be deleted and is made again. Nothing here knows a network, a
server or a config's meaning.
"""
