"""edgewright: compiles one spec of models, datasets and jobs into what an edge-AI fleet runs.

Nouns live in `model`, verbs in `stages`, what can be plugged in in `kinds`, `lowerings`,
`backends`, `servers` and `datasets`, and the outside world in `adapters`.
"""
