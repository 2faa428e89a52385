"""For how long keys are made: their validity (密钥有效期)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from keys.ceremony import ROOT_YEARS

LIFETIME = timedelta(days=5 * 365)
"""From the making of a key to the end of its validity."""

ROOT_LIFETIME = timedelta(days=ROOT_YEARS * 365)
"""Of the seal root, whose certificate is good as long."""

FIRST_DAY = datetime(2018, 12, 31, 16, tzinfo=UTC)
"""2019-01-01 in China: no certificate under the unified coding rule is dated earlier, and a record
key's validity is about the dates of issue it may sign, which can lie before its making."""

SKEW = timedelta(minutes=5)
"""A key is valid from a little before it was made: other machines' clocks may be behind."""
