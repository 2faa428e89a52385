"""What each kind of case shows on its page beside the common frame, and where it leads on to.

An area registers one function for its kind; the page of a case calls it with an open snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from sqlalchemy.orm import Session

from registry.office.cases import CaseKind, CaseRow
from registry.office.identity import Identity
from registry.office.unit import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A page on which the person does something. ``quiet``: not the way on, but back or aside.

    ``event`` is the step that is taken there; the step's bare button does not stand beside it.
    """

    label: str
    address: str
    event: str = ""
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The kind's own part of the page: a template with its values.

    ``acts`` are what the person may do on other pages; ``links`` (label, address) what there is to
    look at.
    """

    template: str
    values: Mapping[str, Any]
    acts: tuple[Act, ...] = field(default=())
    links: tuple[tuple[str, str], ...] = field(default=())


Maker: TypeAlias = Callable[[Desk, Session, CaseRow, Identity], Section]
SECTIONS: Final[dict[CaseKind, Maker]] = {}


def section(kind: CaseKind) -> Callable[[Maker], Maker]:
    """Register the function that makes a kind's section."""

    def keep(maker: Maker) -> Maker:
        SECTIONS[kind] = maker
        return maker

    return keep
