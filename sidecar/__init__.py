"""The edge sidecar: fetches, verifies and switches what a compiled config names, and works offline.

It takes nothing from the compiler but `contract.schema.json`. The resident process stays small:
whatever needs TLS, archives or credentials happens in a worker process that ends with its work.
"""

__version__ = "0.1.0"

CONTRACTS = (1,)
"""The contract versions that this program understands, newest first."""
