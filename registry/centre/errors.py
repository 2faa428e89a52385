"""What a centre refuses: one family with stable codes, for its clerk and for the cities' programs.

Messages never hold a certificate number, a name, an ID number or anything else that was sent.
"""

from __future__ import annotations

from typing import ClassVar

from registry.errors import RegistryError


class CentreError(RegistryError):
    """Base of everything this room refuses."""

    code: ClassVar[str] = "centre"


class CentreNotReady(CentreError):
    """The centre's home is missing, incomplete, or of a later program."""

    code = "centre-not-ready"


class CityRefused(CentreError):
    """A city (or its trust folder) cannot be taken in, ended, passed over or settled like this."""

    code = "centre-city"


class ReceiptKeyRefused(CentreError):
    """A receipt key that the centre's card does not list."""

    code = "centre-key"


class VisibilityRefused(CentreError):
    """A list of national visibility has a row that cannot be taken; nothing of it was kept."""

    code = "centre-visibility"


class PackageNotTaken(CentreError):
    """A package could not be judged, so there is no receipt for it; `why` is the stable code.

    `later` says that the same package may be judged another time.
    """

    code = "centre-package"

    def __init__(self, why: str, *, later: bool) -> None:
        self.why, self.later = why, later
        follow = "send it again later" if later else "ask the city"
        super().__init__(f"省中心未接收此上报包：{why} (the package was not taken; {follow})")


class PieceRefused(CentreError):
    """Bytes do not continue a package; `size` is how many of it are kept."""

    code = "upload-offset"

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"断点不符，已收 {size} 字节 (the package goes on at byte {size})")


class PackageTooLong(CentreError):
    """More bytes than a package may have; what was kept of it stays."""

    code = "package-too-long"


class OtherDigest(CentreError):
    """A whole package has another SHA-256 than its address: all of it was thrown away."""

    code = "package-other-digest"


class PackageNotWhole(CentreError):
    """The package is not here, or not to its end."""

    code = "package-incomplete"


class PackageDamaged(CentreError):
    """A kept piece does not open or is missing: the disk, or a hand in the folder."""

    code = "package-damaged"
