"""The verb pack: what a site needs into one archive that is carried to it, and back to its proof.

`pack.py` is the stage. It asks stores and registries through the ports that it is handed.
"""
