"""Who acts at a desk (办理人员): role, tenant, and from where; what a role may do and see.

Roles are kept apart (三员分立, 等保): whoever administers accounts sees no case, whoever audits
changes nothing, and whoever prepares does not approve. Tenants stand in each other: the city
office sees all, a district office its companies, a company itself. What is not allowed here is
forbidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from registry.errors import Refused
from registry.rules.workflow import Actor

AccountId = NewType("AccountId", int)


class Role(StrEnum):
    """The roles of accounts."""

    COMPANY_EDITOR = "company-editor"
    COMPANY_HEAD = "company-head"
    CLERK = "clerk"
    APPROVER = "approver"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    AUDITOR = "auditor"


ROLE_WORDS: Final = {
    Role.COMPANY_EDITOR: "企业经办人",
    Role.COMPANY_HEAD: "企业负责人",
    Role.CLERK: "办公室经办人",
    Role.APPROVER: "办公室审批人",
    Role.SUPERVISOR: "质量督导员",
    Role.ADMIN: "系统管理员",
    Role.AUDITOR: "审计员",
}

ACTS_AS: Final = {
    Role.COMPANY_EDITOR: frozenset({Actor.COMPANY}),
    Role.COMPANY_HEAD: frozenset({Actor.COMPANY, Actor.COMPANY_HEAD}),
    Role.CLERK: frozenset({Actor.CLERK}),
    Role.APPROVER: frozenset({Actor.APPROVER}),
    Role.SUPERVISOR: frozenset({Actor.SUPERVISOR}),
    Role.ADMIN: frozenset[Actor](),
    Role.AUDITOR: frozenset[Actor](),
}

COMPANY_ROLES: Final = frozenset({Role.COMPANY_EDITOR, Role.COMPANY_HEAD})
OFFICE_ROLES: Final = frozenset({Role.CLERK, Role.APPROVER, Role.SUPERVISOR})


class NotAllowed(Refused):
    """This account may not do this, or the case is another tenant's: both say the same."""

    code = "not-allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A signed-in person. ``district`` is "" for the city; ``company_id`` is a company's people's.

    ``source`` is the address the request came from, for the audit line.
    """

    account_id: AccountId
    login: str
    role: Role
    district: str = ""
    company_id: int | None = None
    source: str = ""

    def acts_as(self, actor: Actor) -> bool:
        """Say whether this person takes the steps of ``actor``."""
        return actor in ACTS_AS[self.role]

    def sees(self, *, company_id: int, district: str) -> bool:
        """Say whether a company's cases may be seen: by itself, its district, the city, audit."""
        if self.role in COMPANY_ROLES:
            return self.company_id == company_id
        if self.role in OFFICE_ROLES or self.role is Role.AUDITOR:
            return self.district in ("", district)
        return False


def require(identity: Identity, *roles: Role) -> None:
    """Raise ``NotAllowed`` unless the person has one of the roles."""
    if identity.role not in roles:
        raise NotAllowed(f"您的角色“{ROLE_WORDS[identity.role]}”无权办理此事项")
