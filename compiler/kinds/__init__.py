"""The front ends: one module per job kind, its spec model and how it becomes plan nodes. No kind knows a backend."""
