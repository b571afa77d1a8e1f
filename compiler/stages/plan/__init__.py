"""The verb plan: a resolved environment into nodes of the plan, site by site.

`plan.py` is the stage; the helpers each make one part of a node. No module knows a backend.
"""
