"""The verb render: drafts and templates into the text of objects.

`render.py` is the stage. No other stage reads a template or a patch.
"""
