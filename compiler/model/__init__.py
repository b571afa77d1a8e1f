"""The nouns: frozen data that every other floor shares. No I/O, no printing, no policy."""
