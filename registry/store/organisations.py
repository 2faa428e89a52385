"""Companies that issue certificates (发证机构), as filed with the office (备案企业)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base, UtcDateTime


class Issuer(Base):
    """A filed company: it assesses, issues and answers (谁评价、谁负责、谁发证).

    ``prefix`` is the 13-character body code that the province gave with the filing (rule of
    人社鉴发〔2019〕2号); it is recorded, never minted. ``levels`` are the level symbols it may
    issue.
    """

    __tablename__ = "issuers"

    prefix: Mapped[str] = mapped_column(String(13), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    uscc: Mapped[str] = mapped_column(String(18), unique=True)
    levels: Mapped[str] = mapped_column(String(16))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
