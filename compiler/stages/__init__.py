"""The verbs, in order: load validate resolve plan lower render check write. Stages never import each other."""
