"""What is owed to the provincial centre (省技能服务指导中心): one row for each reportable event."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.store.base import Base


class UploadKind(StrEnum):
    """The data kind (数据类型) of the centre's table."""

    NEW = "新增"
    CORRECTION = "更正"
    WITHDRAWAL = "撤销"


class UploadRow(Base):
    """One certificate's event to report; primary key = reported exactly once."""

    __tablename__ = "upload_rows"
    # A batch's new certificates are found by their status range; only the few others by batch.
    __table_args__ = (
        Index(
            "upload_rows_batch",
            "batch_id",
            sqlite_where=text("kind != '新增'"),
            postgresql_where=text("kind != '新增'"),
        ),
        {"sqlite_with_rowid": False},
    )

    status_index: Mapped[int] = mapped_column(
        ForeignKey("certificates.status_index"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    batch_id: Mapped[str] = mapped_column(String(40))
