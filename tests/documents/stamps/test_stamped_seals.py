"""Timestamps on a seal and on the whole file, by an authority that stands in for a real one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, append_signature_field

from registry.documents.face import FaceData, draw_face
from registry.documents.fonts import FontSet
from registry.documents.pdfa_lint import lint_pdfa3u
from signing.errors import MalformedPdf, StampFailed
from signing.pdf import SealCheck, StampLevel, check_seal, seal_pdf
from signing.pdf.stamp import Stamp, ask_stamp, read_stamp

Seal = Callable[..., bytes]
BOTH = pytest.mark.parametrize("level", list(StampLevel))


@pytest.fixture(scope="module")
def drawn(make_face: Callable[..., FaceData], fonts: FontSet) -> bytes:
    return draw_face(make_face(), fonts)


@pytest.fixture(scope="module")
def seal(drawn: bytes, company: Any, now: datetime) -> Seal:
    def seal(stamping: Any, *, at: datetime = now, pdf: bytes = drawn) -> bytes:
        return seal_pdf(
            pdf,
            company.seal_signer,
            root=company.root,
            now=at,
            reason="签发",
            box=(10, 10, 90, 90),
            stamping=stamping,
        )

    return seal


@pytest.fixture(scope="module")
def stamped(made_authority: Any, seal: Seal) -> dict[StampLevel, bytes]:
    return {level: seal(made_authority.stamping(level)) for level in StampLevel}


@pytest.fixture(scope="module")
def check(company: Any, made_authority: Any, now: datetime) -> Callable[..., SealCheck]:
    def check(pdf: bytes, *, at: datetime = now, roots: Any = None) -> SealCheck:
        known = (made_authority.root,) if roots is None else roots
        return check_seal(pdf, company.root, at, stamp_roots=known)

    return check


@BOTH
def test_a_timestamp_verifies_and_the_page_stays_pdfa(
    stamped: dict[StampLevel, bytes], check: Any, level: StampLevel, now: datetime
) -> None:
    found = check(stamped[level])
    assert found.good
    assert (found.intact, found.trusted, found.covers_whole_file, found.docmdp) == (True,) * 4
    assert (found.stamped_at, found.stamps) == (now, 1 if level is StampLevel.SEAL else 2)
    assert lint_pdfa3u(stamped[level]) == ()
    assert len(stamped[level]) < 150_000


@BOTH
def test_an_authority_with_an_elliptic_key_serves_as_well(
    new_authority: Any, seal: Seal, check: Any, level: StampLevel
) -> None:
    other = new_authority(elliptic=True)
    pdf = seal(other.stamping(level))
    assert check(pdf, roots=(other.root,)).stamped_at is not None


def test_poppler_finds_both_good_as_far_as_it_can(
    stamped: dict[StampLevel, bytes], tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs(program="pdfsig", package="poppler-utils")
    for level, pdf in stamped.items():
        file = tmp_path / f"{level}.pdf"
        file.write_bytes(pdf)
        done = subprocess.run(["pdfsig", str(file)], capture_output=True, text=True, check=False)
        assert "Signature is Valid" in done.stdout
        assert done.stdout.count("Total document signed") == 1


def test_an_authority_nobody_vouches_for_says_nothing(
    stamped: dict[StampLevel, bytes], check: Any, new_authority: Any
) -> None:
    for roots in ((), (new_authority().root,)):
        plain = check(stamped[StampLevel.SEAL], roots=roots)
        # the seal covers the file and is good by itself
        assert (plain.reason, plain.stamped_at, plain.stamps) == ("ok", None, 0)
        archive = check(stamped[StampLevel.ARCHIVE], roots=roots)
        assert (archive.reason, archive.covers_whole_file) == ("unknown-authority", False)
        assert archive.stamped_at is None


@BOTH
def test_a_timestamp_outlives_its_authoritys_certificates(
    stamped: dict[StampLevel, bytes], check: Any, level: StampLevel, now: datetime
) -> None:
    assert check(stamped[level], at=now + timedelta(days=50 * 365)).stamped_at == now


def _holes(pdf: bytes) -> list[tuple[int, int]]:
    found, start = [], 0
    while (at := pdf.find(b"/Contents <", start)) >= 0:
        start = pdf.index(b">", at)
        found.append((at + len(b"/Contents <"), start))
    return found


def change(pdf: bytes, at: int, xor: int) -> bytes:
    return pdf[:at] + bytes([pdf[at] ^ xor]) + pdf[at + 1 :]


@BOTH
@pytest.mark.parametrize("roots", [None, ()])
def test_every_changed_byte_of_seal_and_timestamps_is_found(
    stamped: dict[StampLevel, bytes], check: Any, level: StampLevel, roots: Any
) -> None:
    pdf = stamped[level]
    step = 401 if level is StampLevel.SEAL else 907
    for start, end in _holes(pdf):
        for at in range(start, end, step):
            assert not check(change(pdf, at, 1), roots=roots).good, (at - start, end - start)


@pytest.mark.parametrize("elliptic", [False, True])
def test_every_changed_byte_of_a_token_is_found(
    new_authority: Any, now: datetime, *, elliptic: bool
) -> None:
    """Each one, in the token by itself: what no signature of it covers is held by its form."""
    authority = new_authority(elliptic=elliptic)
    digest = bytes(range(32))
    token = ask_stamp(authority.stamping(), digest, now)

    def read(data: bytes) -> Stamp:
        return read_stamp(data, lambda name: digest if name == "sha256" else b"", (authority.root,))

    assert read(token).trusted
    for at in range(len(token)):
        with pytest.raises(MalformedPdf):
            read(change(token, at, 1))


def test_every_changed_byte_along_the_archived_file_is_found(
    stamped: dict[StampLevel, bytes], check: Any
) -> None:
    pdf = stamped[StampLevel.ARCHIVE]
    for at in range(0, len(pdf), 9973):
        assert not check(change(pdf, at, 1)).good, at
    for tail in (b"\n", b"%%EOF\n"):
        assert not check(pdf + tail).good


def test_a_seal_robbed_of_its_archive_is_the_sealed_file_again(
    stamped: dict[StampLevel, bytes], check: Any, now: datetime
) -> None:
    pdf = stamped[StampLevel.ARCHIVE]
    first = pdf.index(b"%%EOF", pdf.index(b"%%EOF") + 5) + 6
    assert check(pdf[:first]).good
    assert check(pdf[:first]).stamps == 1
    assert not check(pdf[: first + 40]).good


def _with_field(pdf: bytes, box: tuple[int, int, int, int]) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    append_signature_field(writer, SigFieldSpec("More", on_page=0, box=box))
    target = BytesIO()
    writer.write(target)
    return target.getvalue()


def test_nothing_else_may_stand_between_seal_and_archive(
    seal: Seal, check: Any, authority: Any, company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authority stamps anything: what it covers must still be the archive's own and unseen."""
    from signing.pdf import archive

    sealed = seal(authority.stamping(StampLevel.SEAL))
    certificates = (company.root,)

    def archived(pdf: bytes) -> bytes:
        stamping = authority.stamping(StampLevel.ARCHIVE)
        return archive.add_archive_stamp(
            pdf, stamping, now=authority.at, certificates=certificates, room=9000
        )

    assert check(archived(sealed)).good
    for box in ((0, 0, 0, 0), (0, 0, 842, 595)):
        assert check(archived(_with_field(sealed, box))).reason == "not-certified"
    covering = {"on_page": 0, "box": (0, 0, 842, 595)}
    usual = archive.SigFieldSpec
    monkeypatch.setattr(archive, "SigFieldSpec", lambda **facts: usual(**facts, **covering))
    assert check(archived(sealed)).reason == "not-certified"


def test_two_archives_or_an_archive_alone_are_refused(
    stamped: dict[StampLevel, bytes], drawn: bytes, check: Any, authority: Any, company: Any
) -> None:
    from signing.pdf.archive import FIELD_NAME, add_archive_stamp

    def archived(pdf: bytes) -> bytes:
        return add_archive_stamp(
            pdf,
            authority.stamping(StampLevel.ARCHIVE),
            now=authority.at,
            certificates=(company.root,),
            room=9000,
        )

    assert check(archived(drawn)).reason == "no-seal"
    more = stamped[StampLevel.ARCHIVE]
    assert FIELD_NAME in str(
        PdfFileReader(BytesIO(more)).embedded_timestamp_signatures[0].field_name
    )


def test_a_seal_that_states_a_later_time_than_its_timestamp_lies(
    seal: Seal, check: Any, authority: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from signing.pdf import stamp

    authority.at = now - timedelta(hours=1)
    monkeypatch.setattr(stamp, "CLOCK_SLACK", timedelta(days=1))
    assert check(seal(authority.stamping())).reason == "damaged"


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ({"status": "rejection"}, "refused the request .rejection"),
        ({"status": "waiting"}, "refused the request .waiting"),
        ({"nonce_shift": 1}, "another request"),
        ({"spoil": lambda answer: answer[:-1]}, "cannot be read"),
        ({"spoil": lambda answer: answer + b"\0"}, "cannot be read"),
        ({"spoil": lambda answer: b""}, "cannot be read"),
        ({"spoil": lambda answer: b"<html>"}, "cannot be read"),
        ({"spoil": lambda answer: change(answer, len(answer) - 9, 1)}, "not good"),
        ({"padding": 40_000}, "another request"),
    ],
)
def test_a_bad_answer_is_refused(seal: Seal, authority: Any, mood: Any, words: str) -> None:
    with pytest.raises(StampFailed, match=words):
        seal(replace(authority, **mood).stamping())


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_clock_that_differs_is_refused(
    seal: Seal, authority: Any, now: datetime, minutes: int
) -> None:
    authority.at = now + timedelta(minutes=minutes)
    with pytest.raises(StampFailed, match="clock"):
        seal(authority.stamping())


def test_an_answer_to_an_older_request_is_refused(seal: Seal, authority: Any) -> None:
    first: list[bytes] = []

    def replay(request: bytes) -> bytes:
        first.append(authority.answer(request))
        return first[0]

    turn = iter(range(9))
    stamping = replace(
        authority.stamping(), ask=replay, random=lambda size: bytes([next(turn) + 1]) * size
    )
    seal(stamping)
    with pytest.raises(StampFailed, match="another request"):
        seal(stamping)


@pytest.mark.parametrize(
    "change",
    [
        {"usages": [ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING]},
        {"usages": [ExtendedKeyUsageOID.CODE_SIGNING]},
        {"critical": False},
        {"start": datetime.fromisoformat("2027-01-01T00:00:00Z")},
        {"start": datetime.fromisoformat("2001-01-01T00:00:00Z")},
        {"ca": True},
    ],
)
def test_a_certificate_that_is_not_for_timestamps_now_is_refused(
    seal: Seal, new_authority: Any, change: Any
) -> None:
    with pytest.raises(StampFailed, match="roots"):
        seal(new_authority(elliptic=True, **change).stamping())


def test_a_token_is_kept_with_its_chain_and_nothing_else(
    seal: Seal, check: Any, authority: Any, new_authority: Any
) -> None:
    stranger = new_authority(elliptic=True, name="Other").chain
    own, middle = authority.chain
    for chain in ([own, middle], [middle, own, authority.root], [*stranger, own, middle]):
        pdf = seal(replace(authority, chain=chain).stamping())
        assert check(pdf).stamps == 1
        assert (stranger[0].hex().encode() in pdf.lower()) is False
    for chain in ([own, authority.root], [middle], []):
        with pytest.raises(StampFailed):
            seal(replace(authority, chain=chain).stamping())


@BOTH
def test_a_token_longer_than_thought_makes_a_second_turn(
    seal: Seal, check: Any, authority: Any, level: StampLevel
) -> None:
    authority.padding = 5000
    pdf = seal(authority.stamping(level))
    assert check(pdf).good
    assert len(authority.requests) == (2 if level is StampLevel.SEAL else 3)


def test_the_archive_keeps_the_certificates(
    stamped: dict[StampLevel, bytes], made_authority: Any, company: Any
) -> None:
    from pyhanko.sign.validation.dss import DocumentSecurityStore

    store = DocumentSecurityStore.read_dss(PdfFileReader(BytesIO(stamped[StampLevel.ARCHIVE])))
    kept = {certificate.dump() for certificate in store.load_certs()}
    assert kept == {
        company.seal_signer.info.certificate,
        company.root,
        *made_authority.chain,
        made_authority.root,
    }
