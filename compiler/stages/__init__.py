"""The verbs, in order: load validate resolve plan lower draft render check write.

Stages never import each other; only the pipeline joins them.
"""
