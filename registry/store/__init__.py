"""The registry's tables by aggregate, their encrypted fields and their migrations."""
