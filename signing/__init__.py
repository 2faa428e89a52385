"""Bytes and maths of a certificate: records, envelopes, proofs, the numbered verification.

Pure: no network, no database, no clock but in `signing.certverify`. Imports `keys` only.
"""
