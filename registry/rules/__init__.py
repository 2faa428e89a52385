"""The rules of the field as data and pure functions: they take values and return findings."""
