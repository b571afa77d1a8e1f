"""Lock: what the spec leaves open is asked once and written down.

`lock.py` is the stage: the old lock and answers become the new lock. `measure.py` reads bytes
through the `Stores` that it is handed; nothing here opens a connection or a file by itself, and
who asks what at the same time is decided at the pipeline's level.
"""
