"""What a worker leaves for others: gradients, weights, hard examples, results.

A file is accepted once it is copied into the store, synced and renamed into `new`; from then on it
is either stored at its stream's address exactly once or dropped by its stream's own rules with a
reason. The directories are the database. Bytes go out through what the worker process hands in;
nothing here knows a network. The directory that a worker writes into is hostile ground, and only
`ground.py` sets foot on it.
"""
