"""One module per dataset format: count, classes, problems."""
