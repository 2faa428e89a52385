"""The command line ``certreg``: the composition root, where rooms, home and clock meet."""
