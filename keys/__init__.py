"""Custody and trust: the key ring, its signers, and the trust file verifiers start from.

A package of code, not a folder of keys: no private key, password or token is ever in the
source tree. Standard library and `cryptography` only; PyNaCl is used when it is installed.
"""
