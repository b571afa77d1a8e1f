"""The back ends: one module per target, which nodes it takes and which objects it emits. No backend knows a kind."""
