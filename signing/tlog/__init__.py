"""The transparency log's bytes and maths: trees, tiles, notes, proofs, entries, status pages.

Standard formats (RFC 6962/9162, C2SP), so that others' tools verify our log unchanged. Pure:
reading a tile is a callable passed in.
"""
