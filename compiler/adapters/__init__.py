"""The world: the only code that imports boto3, git or kubernetes, or opens a socket. Imported lazily."""
