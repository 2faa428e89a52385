"""Passwords (口令): what one must be like, how it is kept, and one made for a first sign-in.

Kept as argon2id (RFC 9106 §4, second recommended option: 64 MiB, three passes). Every question
costs one hash, whether there is such an account or not: the time of an answer names nobody.
"""

from __future__ import annotations

import unicodedata
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

HASHER: Final = PasswordHasher()
SHORTEST: Final = 12
LONGEST: Final = 128
"""In characters; longer ones would only be a way to make the server work."""

KINDS_ASKED: Final = 3
"""Of capital letters, small letters, digits, others (等保 口令复杂度)."""

DISTINCT_ASKED: Final = 6
FIRST: Final = "first:"
"""Before the hash of a password that somebody else has given: it must be changed."""

_FRESH_BYTES: Final = 15
_GROUP: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What is wrong with one field of a form, in words for the person who filled it in."""

    field: str
    text: str


def hash_password(password: str) -> str:
    """Return the argon2id string that is kept; costs 64 MiB for some 50 ms."""
    return HASHER.hash(_normal(password))


@cache
def _dummy() -> str:
    # Made once, with the parameters in force, so that it costs what a real one costs.
    return HASHER.hash("nobody's password")


def matches(stored: str, password: str) -> bool:
    """Say whether this is the password; as costly for an account that is not there (``""``)."""
    known = stored.removeprefix(FIRST)
    # Nothing longer than can be a password is hashed, and nothing matches the dummy.
    real = known.startswith("$argon2id$") and len(password) <= LONGEST
    try:
        HASHER.verify(known if real else _dummy(), _normal(password[:LONGEST]))
    except (VerificationError, InvalidHashError):
        return False
    return real


def must_change(stored: str) -> bool:
    """Say whether the password was given by somebody else and serves for one sign-in only."""
    return stored.startswith(FIRST)


def faults_of(password: str, again: str, *, login: str) -> tuple[Wrong, ...]:
    """Say what a new password lacks; empty if it will do."""
    plain = _normal(password)
    if not SHORTEST <= len(plain) <= LONGEST:
        return (Wrong(field="new", text=f"新密码应为 {SHORTEST} 至 {LONGEST} 个字符"),)
    if login.casefold() in plain.casefold():
        return (Wrong(field="new", text="新密码不能包含用户名"),)
    if _kinds(plain) < KINDS_ASKED or len(set(plain)) < DISTINCT_ASKED:
        text = "新密码应含大写字母、小写字母、数字、其他字符中的三类，且不少于六个不同字符"
        return (Wrong(field="new", text=text),)
    if plain != _normal(again):
        return (Wrong(field="again", text="两次输入的新密码不一致"),)
    return ()


def fresh_password(random: Callable[[int], bytes]) -> str:
    """Make a password for a first sign-in: four groups of six signs, 120 bits.

    Base32 has no 0 and no 1, so that o and l are never taken for them.
    """
    signs = b32encode(random(_FRESH_BYTES)).decode().lower()
    return "-".join(signs[at : at + _GROUP] for at in range(0, len(signs), _GROUP))


def _kinds(plain: str) -> int:
    tests = (str.isupper, str.islower, str.isdigit)
    kinds = {next((n for n, test in enumerate(tests) if test(sign)), len(tests)) for sign in plain}
    return len(kinds)


def _normal(password: str) -> str:
    # One keyboard writes a sign as one code point, another as two: the same password.
    return unicodedata.normalize("NFKC", password)
