"""A small HTTP/1.1 over sockets: a server for probes and control, a client for loopback only.

It exists because `http.client` and `http.server` would cost the resident process more memory than
all else that it does. One exchange for each connection; no TLS, no names, no redirects, no
cookies. Everything that a peer can send is capped in bytes and in time.
"""
