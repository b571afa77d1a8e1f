"""The verb check: rendered objects against what a server would refuse, one by one and together.

`check.py` is the stage; every other module is one family of rules. No module looks at templates.
"""
