"""The verbs, in order: load validate resolve plan lower draft render check write.

A verb of one module is that module; a verb with helpers is a package, and the module of its own
name in there is the stage. Stages never import each other, helpers included; only the pipeline
joins them.
"""
