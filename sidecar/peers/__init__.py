"""What nodes of a site do for each other: offer verified bytes, agree on who fetches, share lists.

Nothing here is believed because a neighbour said it: bytes count by their digest, and a list of a
dataset only for the node that it was asked of. There is no membership protocol and no gossip: the
compiled config names the others, and whoever wants something asks for it.
"""
