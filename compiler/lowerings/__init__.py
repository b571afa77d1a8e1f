"""Plan to plan: rewrites a rich node into simpler ones for backends that lack it."""
