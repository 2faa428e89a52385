"""Asking the centre (docs/api.md): signed requests out, and a strict reading of what comes back.

Only what has the form that the interface promises is an answer. A page of HTML with status 200, a
body cut off, a header that is missing are no answer at all: `NotAnAnswer`, to be asked again. The
network itself is `registry.upload.push`; a test hands in one that fails.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from keys.signer import Signer
from registry.upload.problems import Problem, plain_code
from signing.httpsig import Request, sign_request

API: Final = "/api/v1"
PIECE: Final = 1 << 20
"""Bytes sent at once; the centre takes up to 4 MiB."""

NONCE_BYTES: Final = 16
LONGEST_WAIT: Final = 3600
"""Seconds at most that a `Retry-After` is believed."""

MOST_ENTRIES: Final = 999_999_999
"""The last place in the centre's list: one past it could never be read on from."""

_JSON: Final = "application/json"
_BINARY: Final = "application/octet-stream"
_OK: Final = range(200, 300)
_DENIED: Final = frozenset({403, 413, 422})
_REFUSED: Final = 422
_NOT_HERE: Final = 404
_PUT_OFF: Final = 409


class Unreachable(Exception):
    """The centre gave no whole answer: no connection, a reset, a time limit, half a body."""


class NotAnAnswer(Exception):
    """Something answered that is not the centre's interface."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """An answer as it came; header names are small."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """A way to the centre. Raises ``Unreachable``."""

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Raw:
        """Send one request to the path and query ``target``; return the whole answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptCame:
    """Bytes that say they are the receipt; nothing of them is verified."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The centre has the package and has not judged it yet; ask again after ``seconds``."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Not now; ``seconds`` is the centre's word on when to come again, 0 if it said none."""

    code: str
    seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedWhole:
    """What answers says that nothing of the package is taken, now or later, and why.

    ``signed`` is what the centre is to have signed of it (`signing.upload.refusal`), b"" if there
    is nothing; it is not verified. Without it anybody in between may have said so.
    """

    code: str
    signed: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """The request is not taken; of the package this says nothing, and nobody signed it.

    The centre may have the package, and may have judged it.
    """

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHere:
    """The package was never handed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOff:
    """The centre could not judge the package when it was handed in; it will if that is done again.

    It keeps the bytes meanwhile, as a rule.
    """

    code: str


Answered = ReceiptCame | Waiting | Later | RefusedWhole | Denied | NotHere


class _Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: str
    seen_on: str


class Visibility(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers with the day since when they are seen nationally, and where to go on."""

    visible: list[_Seen]
    next: Annotated[int, msgspec.Meta(ge=0, le=MOST_ENTRIES)]


_VISIBILITY = msgspec.json.Decoder(Visibility, strict=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The centre's interface for one city. ``base`` is the path of its address, without a slash.

    ``random`` gives that many unpredictable bytes; ``now`` the time that stands in requests.
    """

    transport: Transport
    base: str
    signer: Signer
    random: Callable[[int], bytes]
    now: Callable[[], datetime]

    def submission(self, digest: str) -> Answered | PutOff:
        """Ask what became of a package. Raises ``Unreachable`` or ``NotAnAnswer``."""
        raw = self._ask("GET", f"/submissions/{digest}")
        if raw.status == _PUT_OFF:
            return PutOff(code=plain_code(_problem(raw).get("code")))
        return _read(raw)

    def hand_in(self, digest: str) -> Answered:
        """Hand a whole package in; doing so twice is doing it once."""
        body = json.dumps({"package": digest}).encode()
        headers = {"content-type": _JSON, "idempotency-key": digest}
        return _read(self._ask("POST", "/submissions", headers=headers, body=body))

    def send(self, digest: str, data: bytes) -> Later | Denied | None:
        """Send what the centre does not have yet of a package; None when it has all."""
        raw = self._ask("HEAD", f"/packages/{digest}")
        if raw.status not in _OK:
            return _refusal(raw)
        at, whole = _progress(raw, len(data))
        while not whole:
            piece = data[at : at + PIECE]
            last = at + len(piece) == len(data)
            headers = {
                "content-type": _BINARY,
                "upload-offset": str(at),
                "upload-complete": "?1" if last else "?0",
            }
            raw = self._ask("PUT", f"/packages/{digest}", headers=headers, body=piece)
            if raw.status not in _OK:
                return _refusal(raw)
            before, (at, whole) = at, _progress(raw, len(data))
            if at != before + len(piece) or whole != last:
                raise NotAnAnswer
        return None

    def receipts(self, after: int) -> list[bytes] | Later | Denied:
        """Fetch the city's receipts after the first ``after``; a line cut off is left out."""
        return self._lines("/receipts", after)

    def cards(self, after: int) -> list[bytes] | Later | Denied:
        """Fetch the centre's cards after number ``after``; nothing of them is verified."""
        return self._lines("/cards", after)

    def visibility(self, after: int) -> Visibility | Later | Denied:
        """Fetch since when the city's numbers are seen nationally, after entry ``after``."""
        raw = self._ask("GET", "/visibility", query=f"after={after}")
        if raw.status not in _OK:
            return _refusal(raw)
        try:
            found = _VISIBILITY.decode(_json_body(raw))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise NotAnAnswer from None
        if found.next < after:
            raise NotAnAnswer
        return found

    def _lines(self, path: str, after: int) -> list[bytes] | Later | Denied:
        raw = self._ask("GET", path, query=f"after={after}")
        if raw.status not in _OK:
            return _refusal(raw)
        if _media_type(raw) != "application/jsonl":
            raise NotAnAnswer
        return raw.body.split(b"\n")[:-1]

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Raw:
        where = f"{self.base}{API}{path}"
        given = dict(headers or {})
        request = Request(method=method, path=where, query=query, headers=given)
        nonce = self.random(NONCE_BYTES).hex()
        signed = sign_request(request, body, self.signer, nonce=nonce, now=self.now())
        target = f"{where}?{query}" if query else where
        return self.transport.ask(method, target, {**given, **signed}, body)


def base_of(url: str) -> str:
    """Return the path of the centre's address, "" as a rule."""
    return urlsplit(url).path.rstrip("/")


def _read(raw: Raw) -> Answered:
    match raw.status:
        case 200 | 201:
            return ReceiptCame(data=_json_body(raw))
        case 202:
            _json_body(raw)
            return Waiting(seconds=max(1, _retry_after(raw)))
        case 404:
            _problem(raw)
            return NotHere()
        case _:
            found = _refusal(raw)
            if raw.status == _REFUSED and isinstance(found, Denied):
                return RefusedWhole(code=found.code, signed=_signed_refusal(raw))
            return found


def _refusal(raw: Raw) -> Later | Denied:
    if raw.status in _OK or raw.status < 400:  # noqa: PLR2004 - a redirect leads to no centre
        raise NotAnAnswer
    seconds = _retry_after(raw)
    if raw.status >= 500 or raw.status == 429:  # noqa: PLR2004
        # A proxy in front of the centre says so in words of its own.
        return Later(code=Problem.BUSY.value, seconds=seconds)
    if not raw.body:
        # The answer to HEAD, which has no room for a reason.
        return Later(code=Problem.BUSY.value, seconds=seconds)
    problem = _problem(raw)
    code = plain_code(problem.get("code"))
    if raw.status in _DENIED and problem.get("later") is not True:
        return Denied(code=code)
    if raw.status == _NOT_HERE:
        return Later(code=Problem.OTHER_ADDRESS.value)
    return Later(code=code, seconds=seconds)


def _signed_refusal(raw: Raw) -> bytes:
    signed = _problem(raw).get("refusal")
    try:
        return b64decode(signed, validate=True) if isinstance(signed, str) else b""
    except ValueError:
        return b""


def _problem(raw: Raw) -> Mapping[str, Any]:
    if _media_type(raw) != "application/problem+json":
        raise NotAnAnswer
    try:
        found = msgspec.json.decode(raw.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NotAnAnswer from None
    if not isinstance(found, dict):
        raise NotAnAnswer
    return found


def _json_body(raw: Raw) -> bytes:
    if _media_type(raw) != _JSON or not raw.body:
        raise NotAnAnswer
    return raw.body


def _media_type(raw: Raw) -> str:
    return raw.headers.get("content-type", "").partition(";")[0].strip().lower()


def _progress(raw: Raw, length: int) -> tuple[int, bool]:
    offset, whole = raw.headers.get("upload-offset", ""), raw.headers.get("upload-complete", "")
    if not (offset.isascii() and offset.isdigit() and len(offset) <= 9):  # noqa: PLR2004
        raise NotAnAnswer
    if whole not in {"?0", "?1"} or int(offset) > length:
        raise NotAnAnswer
    if whole == "?1" and int(offset) != length:
        raise NotAnAnswer
    return int(offset), whole == "?1"


def _retry_after(raw: Raw) -> int:
    text = raw.headers.get("retry-after", "")
    plain = text.isascii() and text.isdigit() and len(text) <= 6  # noqa: PLR2004
    return min(int(text), LONGEST_WAIT) if plain else 0
