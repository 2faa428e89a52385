"""What every page of the site works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verify_web.allowance import Allowance
    from verify_web.config import SiteConfig
    from verify_web.lookup import Mirror
    from verify_web.public import PublicDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The configuration, the two readers and the limits made from it; shared by all threads."""

    config: SiteConfig
    public: PublicDirectory
    mirror: Mirror
    allowance: Allowance
