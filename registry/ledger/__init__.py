"""The life of the log: one sequencer writes, everybody can check (RFC 6962, C2SP tlog-tiles)."""
