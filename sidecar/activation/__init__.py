"""What is active: releases, the links that point to them, views, records and quarantine.

Everything here is disk and nothing is a decision: `resident.machine` decides, these modules do it
so that a kill or a power cut at any moment leaves the old or the new state, never a mixture. A
directory or link appears by one rename; JSON beside them can be deleted and is made again.
"""
