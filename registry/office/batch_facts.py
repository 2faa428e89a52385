"""What a batch's pages say of all it rests on: the parts by level, the last day, broken links.

Read from plan, scheme and company once for each version of them; whoever decides on a batch reads
them anew (`batches.basis_of`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.orm import Session

from registry.office.batches import basis_of, links_of
from registry.office.context import Context
from registry.office.kept import kept
from registry.rules.scheme import Scheme
from registry.store.procedure import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFacts:
    """What a page needs of a batch's basis. ``links`` are the versions it was read from.

    ``schemes`` are the parts by level symbol, without the reasons people wrote for them.
    """

    company: str
    prefix: str | None
    schemes: Mapping[str, Scheme]
    last_day: date
    gaps: tuple[str, ...]
    links: tuple[object, ...]


def facts_of(session: Session, case: Case, context: Context) -> BatchFacts:
    """Return the facts of a batch. Raises ``NotFound`` if it rests on no plan."""
    links = links_of(session, case)

    def read() -> BatchFacts:
        basis = basis_of(session, case, context)
        return BatchFacts(
            company=basis.company.name,
            prefix=basis.company.prefix,
            schemes={level: replace(scheme, reasons={}) for level, scheme in basis.schemes.items()},
            last_day=basis.last_day,
            gaps=basis.gaps,
            links=links,
        )

    return kept(session, ("batch-facts", links), read)
