"""The verb validate: plain data with positions into the typed spec, or every finding in it.

`validate.py` is the stage; the helpers find the words for what is wrong.
"""
