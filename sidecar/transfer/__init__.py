"""Moving bytes in and out: one engine for every scheme, with what the standard library has.

A scheme is one module in `schemes` and one line in its registry; it says where the bytes of a URL
lie and how to be allowed in, and nothing else. Connections, pace, proxies, certificates, refusals
and retries are the same for all. Nothing here knows of slots or servers, and nothing is believed
that was not hashed.
"""
