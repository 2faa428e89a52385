"""The witness (见证方): a small program of its own that vouches for logs growing only at the end.

C2SP tlog-witness and tlog-cosignature. It shares no code with the sequencer but the pure
functions of `signing`, and needs no home and no database of the registry's. `wire` and `client`
are also what a log needs to talk to one.
"""
