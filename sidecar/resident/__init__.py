"""The process that stays: watches the config, decides, switches, talks to the server, keeps house.

It is small because of what it does not import: no TLS, no HTTP client, no archives, no third-party
code, not even `dataclasses`. Whatever needs those is a task for its worker process. Nothing here
ever waits for the network, and no failure ends more than the step that met it.
"""
