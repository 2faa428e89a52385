"""The table of the machine API: one row for each thing that can be asked, with its types.

A handler is given a decoded, typed request and calls one use case. What is taken stands in the
query (GET), in a JSON body, or, where a file is sent, the file is the body and the rest the query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from werkzeug.datastructures import FileStorage

from registry.office.context import Context
from registry.office.identity import Identity, Role
from registry.office.unit import Desk


class Sent(StrEnum):
    """Where a request holds what is taken."""

    QUERY = "query"
    JSON = "json"
    FILE = "file"
    """The body is the file; what else is taken stands in the query."""


class Taken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all that is taken: an unknown member is a mistake and is refused."""


class Nothing(Taken, frozen=True, kw_only=True):
    """Nothing is taken but what stands in the address."""


class Version(Taken, frozen=True, kw_only=True):
    """A change to a case: ``version`` is the one the sender saw; an older one is refused."""

    version: int


class Remark(Version, frozen=True, kw_only=True):
    """A step of a case, with a remark where one is needed (at most 1000 characters)."""

    note: str = ""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all that is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file in the place of JSON: whole, or in pieces with their sum in bytes as ``size``."""

    data: bytes | Iterable[bytes]
    media_type: str
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: who asks, by which token, with what in the address; ``file`` is the body.

    ``address`` is where it comes from.
    """

    desk: Desk
    person: Identity | None
    token: str
    address: str
    path: Mapping[str, Any]
    file: FileStorage

    @property
    def by(self) -> Identity:
        """Who asks; only rows that are not for anyone may use it."""
        if self.person is None:
            msg = "the gate let nobody in"
            raise RuntimeError(msg)
        return self.person

    @property
    def context(self) -> Context:
        """The use case's surroundings."""
        return self.desk.context(self.person)

    def number(self, name: str) -> int:
        """Give a number of the address."""
        return int(self.path[name])

    @property
    def case_id(self) -> int:
        """The case in the address."""
        return self.number("case_id")


T = TypeVar("T", bound=Taken)
R = TypeVar("R")
Handler: TypeAlias = Callable[[Call, T], R]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row: ``roles`` empty is for anyone; ``status`` is the answer's when all went well."""

    name: str
    tag: str
    method: str
    path: str
    roles: frozenset[Role]
    sent: Sent
    takes: type[Taken]
    gives: Any
    status: int
    summary: str
    # Typed by `Table.add`, which sees both ends; a row of many kinds cannot be.
    handle: Callable[[Call, Any], object]

    @property
    def repeats(self) -> bool:
        """Whether a request may name a key, by which it is answered again and not done again."""
        return self.method == "POST" and bool(self.roles)


OK: Final = 200
CREATED: Final = 201


class Table:
    """The rows of one area, in the order of their writing."""

    def __init__(self, tag: str) -> None:
        """Begin an area's table; ``tag`` groups its rows in the document."""
        self.tag = tag
        self.rows: list[Endpoint] = []

    def get(
        self, path: str, *, roles: frozenset[Role], takes: type[T], gives: type[R]
    ) -> Callable[[Handler[T, R]], Handler[T, R]]:
        """Add a question."""
        return self._add(
            "GET", path, roles=roles, sent=Sent.QUERY, takes=takes, gives=gives, status=OK
        )

    def post(
        self,
        path: str,
        *,
        roles: frozenset[Role],
        takes: type[T],
        gives: type[R],
        status: int = OK,
        sent: Sent = Sent.JSON,
    ) -> Callable[[Handler[T, R]], Handler[T, R]]:
        """Add an act; ``CREATED`` where something new comes of it."""
        return self._add(
            "POST", path, roles=roles, sent=sent, takes=takes, gives=gives, status=status
        )

    def delete(
        self, path: str, *, roles: frozenset[Role], takes: type[T], gives: type[R]
    ) -> Callable[[Handler[T, R]], Handler[T, R]]:
        """Add a removal; what is taken stands in the query."""
        return self._add(
            "DELETE", path, roles=roles, sent=Sent.QUERY, takes=takes, gives=gives, status=OK
        )

    def _add(
        self,
        method: str,
        path: str,
        *,
        roles: frozenset[Role],
        sent: Sent,
        takes: type[T],
        gives: type[R],
        status: int,
    ) -> Callable[[Handler[T, R]], Handler[T, R]]:
        def keep(handler: Handler[T, R]) -> Handler[T, R]:
            row = Endpoint(
                name=handler.__name__,
                tag=self.tag,
                method=method,
                path=path,
                roles=roles,
                sent=sent,
                takes=takes,
                gives=gives,
                status=status,
                summary=(handler.__doc__ or "").strip().splitlines()[0],
                handle=handler,
            )
            self.rows.append(row)
            return handler

        return keep
