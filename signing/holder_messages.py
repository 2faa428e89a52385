"""What the holder's page (持证人服务) asks of the registry, and what it is answered.

Each message is a frozen array of fixed order: equal messages have equal bytes. Texts are as typed;
days are `YYYY-MM-DD`; times are `YYYY-MM-DDTHH:MM:SSZ`. A message passes through the exchange
sealed (`signing.exchange`), and stands in no log.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from signing.errors import MalformedExchange
from signing.mirror import Chain

MOST_BYTES: Final = 12 * 1024 * 1024
"""Of one message: a document of 10 MB and its facts."""

MOST_DOCUMENT: Final = 10 * 1024 * 1024
"""Bytes of the paper that comes with a request."""

DOCUMENT_MAGIC: Final = (b"%PDF-", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
"""First bytes of the papers that are taken: PDF, JPEG, PNG."""

LONGEST_LINE: Final = 60
"""Characters of a purpose, a recipient or a value that is asked for."""

LONGEST_REASON: Final = 500
LONGEST_COPY_DAYS: Final = 366
LONGEST_SHARE_DAYS: Final = 30
LARGEST_SHARE: Final = 2**31 - 1
"""Of a link's place in the registry: larger ones fit no column, and the database refuses them."""


class _Message(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """An ask or an answer; its kind goes first."""


class Begin(_Message, frozen=True, kw_only=True):
    """Somebody names two facts and wants a code sent to the contact on file."""

    facts: dict[str, str]
    """By `signing.mirror.Factor`: two or three of number, name and ID number."""
    network: str
    """Where from, as a network (/24 or /48)."""


class Enter(_Message, frozen=True, kw_only=True):
    """Somebody types the code that was sent."""

    handle: str
    code: str
    network: str


class Look(_Message, frozen=True, kw_only=True):
    """A holder opens their page. `session` is the cookie's token, in this and those below."""

    session: str


class Leave(_Message, frozen=True, kw_only=True):
    """A holder signs out."""

    session: str


class Draw(_Message, frozen=True, kw_only=True):
    """A holder downloads: an annotated copy, or the original where `purpose` is empty."""

    session: str
    number: str
    purpose: str = ""
    recipient: str = ""
    valid_until: str = ""


class Share(_Message, frozen=True, kw_only=True):
    """A holder makes a link for somebody, good for so many days."""

    session: str
    number: str
    recipient: str
    days: int


class Unshare(_Message, frozen=True, kw_only=True):
    """A holder ends a link before its time."""

    session: str
    share: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_SHARE)]


class OpenShare(_Message, frozen=True, kw_only=True):
    """Somebody opens a link."""

    token: str
    network: str


class Request(_Message, frozen=True, kw_only=True):
    """A holder asks for a correction (更正) or a reissue (补发)."""

    session: str
    number: str
    kind: str
    """`correction` or `reissue`."""
    field: str
    wanted: str
    reason: str
    document: bytes
    """A PDF, JPEG or PNG of at most 10 MB; empty for none."""


Ask = Begin | Enter | Look | Leave | Draw | Share | Unshare | OpenShare | Request


class Begun(_Message, frozen=True, kw_only=True):
    """Whether or not anything fitted: where the code is to be typed."""

    handle: str


class Entered(_Message, frozen=True, kw_only=True):
    """A session has begun."""

    session: str


class Done(_Message, frozen=True, kw_only=True):
    """What was asked is done, and there is nothing to hand over."""

    reference: str = ""


class File(_Message, frozen=True, kw_only=True):
    """A sealed PDF that passed the print gate."""

    data: bytes


class Shared(_Message, frozen=True, kw_only=True):
    """The link's secret, or what a link leads to."""

    token: str
    """Of the new link; of the edition's mirror entry when a link is opened."""
    recipient: str
    until: str


class HeldCertificate(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One certificate of the holder: its newest edition."""

    number: str
    name: str
    occupation: str
    direction: str
    level: str
    issuer: str
    issued: str
    state: int
    """As in the status pages: 0 valid, 1 revoked, 2 suspended."""
    edition: int
    chain: Chain
    subsidy_until: str
    """Last day on which the subsidy may be claimed, "" where no rule says one."""


class Copied(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A download that was made."""

    number: str
    at: str
    purpose: str
    recipient: str
    valid_until: str


class Viewed(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A link was opened, from this network (/24 or /48)."""

    at: str
    network: str


class SharedLink(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A link, as its holder sees it."""

    share: int
    number: str
    recipient: str
    token: str
    until: str
    over: bool
    viewed: int
    """How often it was opened."""
    firsts: tuple[Viewed, ...]
    """The first view of each network, the earliest first."""
    views: tuple[Viewed, ...]
    """The latest views, the newest first."""


class Requested(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A request with its state and the office's answer.

    The states: `received`, `returned`, `accepted`, `refused`, `done`.
    """

    reference: str
    number: str
    kind: str
    field: str
    wanted: str
    received_on: str
    due_on: str
    state: str
    answer: str


class Holding(_Message, frozen=True, kw_only=True):
    """All that the holder's page shows."""

    today: str
    certificates: tuple[HeldCertificate, ...]
    copies: tuple[Copied, ...]
    shares: tuple[SharedLink, ...]
    requests: tuple[Requested, ...]
    contact_since: str
    """When the contact that codes go to was put down."""
    answer_by: str
    """The last day of the office's term for a request of today."""


class Refusal(_Message, frozen=True, kw_only=True):
    """Nothing was done; `code` is stable and named in `verify_web.holder.wording`."""

    code: str


Answer = Begun | Entered | Done | File | Shared | Holding | Refusal

_ENCODER: Final = msgspec.msgpack.Encoder(order="sorted")
_ASKS: Final = msgspec.msgpack.Decoder(Ask, strict=True)
_ANSWERS: Final = msgspec.msgpack.Decoder(Answer, strict=True)


def encode_message(message: Ask | Answer) -> bytes:
    """Give a message's bytes. Raises MalformedExchange for one that is too long."""
    data = _ENCODER.encode(message)
    if len(data) > MOST_BYTES:
        raise MalformedExchange("the message is too long for the exchange")
    return data


def decode_ask(data: bytes) -> Ask:
    """Read an ask. Raises MalformedExchange."""
    try:
        ask: Ask = _ASKS.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise MalformedExchange("an ask of the exchange is of another version") from None
    return ask


def decode_answer(data: bytes) -> Answer:
    """Read an answer. Raises MalformedExchange."""
    try:
        answer: Answer = _ANSWERS.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise MalformedExchange("an answer of the exchange is of another version") from None
    return answer
