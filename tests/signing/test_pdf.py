from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pikepdf
import pytest
import typst
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from keys.ceremony import make_seal_certificate, make_seal_root
from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from signing.errors import MalformedPdf, SealFailed
from signing.pdf import PROOF_NAME, RECORD_NAME, SealCheck, check_seal, read_pdf, seal_pdf
from signing.pdf import check as check_module
from signing.pdf.cms import assemble, make_cms, parse_cms
from signing.pdf.reader import SealReader

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
COMPANY = "深圳市示例精密制造有限公司"
PREFIX = "Y000044999001"
RECORD, PROOF = b'{"payload":"e30="}', b"c2sp.org/tlog-proof@v1\n"

PAGE = f"""
#set document(date: datetime(year: 2026, month: 11, day: 23))
#pdf.attach("/{RECORD_NAME}", bytes("{RECORD.decode().replace('"', chr(92) + '"')}"),
  relationship: "source", mime-type: "application/json", description: "r")
#pdf.attach("/{PROOF_NAME}", bytes("{PROOF.decode().strip()}\\n"),
  relationship: "data", mime-type: "text/plain", description: "p")
#rect(width: 10mm)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A seal root and one company's seal key under it."""

    root: bytes
    signer: PrivateKeySigner


def found(start: datetime = NOW) -> Office:
    root_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    root = make_seal_root(root_key, "示例市职业技能鉴定指导办公室", start)
    certificate = make_seal_certificate(
        root_key, root, key.public_key(), company=COMPANY, uscc="91440300MA5EXAMPL0", now=start
    )
    public = public_bytes(key)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ECDSA_P256, public),
        algorithm=Algorithm.ECDSA_P256,
        purpose=Purpose.PDF,
        issuer=PREFIX,
        not_before=start,
        not_after=start + timedelta(days=5 * 365),
        state=KeyState.ACTIVE,
        public_key=public,
        certificate=certificate,
    )
    return Office(root=root, signer=software_signer(info, key))


@pytest.fixture(scope="module")
def office() -> Office:
    return found()


@pytest.fixture(scope="module")
def plain() -> bytes:
    drawn = typst.compile(PAGE.encode(), format="pdf", pdf_standards=["a-3u"], timestamp=0)
    return drawn + b"\n"


@pytest.fixture(scope="module")
def sealed(plain: bytes, office: Office) -> bytes:
    return seal_pdf(
        plain, office.signer, root=office.root, now=NOW, reason="签发", box=(9, 9, 99, 99)
    )


def gap(pdf: bytes) -> tuple[int, int]:
    start = pdf.index(b"/Contents <") + len(b"/Contents <")
    return start, pdf.index(b">", start)


def change(pdf: bytes, at: int, xor: int) -> bytes:
    return pdf[:at] + bytes([pdf[at] ^ xor]) + pdf[at + 1 :]


def test_a_seal_verifies_and_names_its_signer(sealed: bytes, office: Office) -> None:
    check = check_seal(sealed, office.root, NOW)
    assert check == SealCheck(
        intact=True,
        trusted=True,
        covers_whole_file=True,
        docmdp=True,
        reason="ok",
        signer_name=COMPANY,
        signed_at=NOW,
        certificate=office.signer.info.certificate,
    )
    assert check.good


def test_sealing_keeps_the_drawn_bytes_and_touches_no_metadata(sealed: bytes, plain: bytes) -> None:
    assert sealed.startswith(plain)
    with pikepdf.open(BytesIO(plain)) as before, pikepdf.open(BytesIO(sealed)) as after:
        assert before.Root.Metadata.read_bytes() == after.Root.Metadata.read_bytes()
        assert dict(before.docinfo) == dict(after.docinfo)


def test_poppler_finds_the_seal_good(
    sealed: bytes, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs(program="pdfsig", package="poppler-utils")
    file = tmp_path / "sealed.pdf"
    file.write_bytes(sealed)
    told = subprocess.run(["pdfsig", str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in told
    assert "Total document signed" in told
    assert COMPANY in told


def test_the_hole_has_no_room_to_spare(sealed: bytes) -> None:
    start, end = gap(sealed)
    assert len(bytes.fromhex(sealed[start:end].decode()).rstrip(b"\0")) >= (end - start) // 2 - 8


def test_every_changed_byte_along_the_file_is_found(sealed: bytes, office: Office) -> None:
    start, end = gap(sealed)
    for at in range(0, len(sealed), 43):
        if start <= at < end:
            continue
        assert not check_seal(change(sealed, at, 1), office.root, NOW).good, at


def is_out_of_form(changed: bytes, seal: Any) -> bool:
    """Whether the hole of a changed file is found to hold no seal of the one form there is.

    What is so is refused for that alone, and its signature never looked at.
    """
    _, head, tail, _ = seal.byte_range
    with suppress(ValueError):
        read = bytes.fromhex(changed[head + 1 : tail - 1].decode())
        anew: Any = SimpleNamespace(byte_range=seal.byte_range, pkcs7_content=read)
        try:
            parse_cms(check_module._contents(changed, anew))
        except MalformedPdf:
            return True
    return False


@pytest.mark.parametrize("xor", [0x01, 0x20])
def test_every_changed_byte_of_the_signature_is_found(
    sealed: bytes, office: Office, xor: int
) -> None:
    (seal,) = SealReader(sealed).embedded_signatures
    assert not is_out_of_form(sealed, seal)
    start, end = gap(sealed)
    for number, at in enumerate(range(start - 1, end + 1, 7 if xor == 1 else 5)):
        if xor == 0x20 and not chr(sealed[at]).isalpha():
            continue
        changed = change(sealed, at, xor)
        # Those that are out of form go the whole way now and then, all others always.
        if number % 20 and is_out_of_form(changed, seal):
            continue
        check = check_seal(changed, office.root, NOW)
        assert not check.good, at
        assert not check.intact, at


@given(data=st.data())
def test_any_other_byte_at_any_place_is_found(
    sealed: bytes, office: Office, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(sealed) - 1))
    xor = data.draw(st.integers(1, 255))
    assert not check_seal(change(sealed, at, xor), office.root, NOW).good


def test_bytes_hidden_in_the_padding_are_found(plain: bytes, office: Office) -> None:
    # The signature is 70 to 72 bytes long: seal until one leaves padding to hide in.
    for turn in range(64):
        at = NOW + timedelta(seconds=turn)
        pdf = seal_pdf(plain, office.signer, root=office.root, now=at, reason="签发")
        _, end = gap(pdf)
        if pdf[end - 2 : end] == b"00":
            break
    assert check_seal(pdf, office.root, at).good
    assert not check_seal(pdf[: end - 1] + b"1" + pdf[end:], office.root, at).intact


@pytest.mark.parametrize("tail", [b"\n", b"%", b"\0" * 100, b"%%EOF\n"])
def test_appended_bytes_are_found(sealed: bytes, office: Office, tail: bytes) -> None:
    check = check_seal(sealed + tail, office.root, NOW)
    assert not check.good
    assert not check.covers_whole_file


def test_an_incremental_update_is_found(sealed: bytes, office: Office, plain: bytes) -> None:
    from pyhanko.pdf_utils.generic import NameObject
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(BytesIO(sealed))
    writer.root["/Lang"] = NameObject("/zz")
    writer.update_root()
    target = BytesIO()
    writer.write(target)
    check = check_seal(target.getvalue(), office.root, NOW)
    assert not check.good
    assert not check.covers_whole_file
    assert not check.docmdp


def test_a_strangers_file_leaves_no_trace_in_the_log(
    sealed: bytes, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    odd = sealed.replace(b"/ETSI.CAdES.detached", b"/ETSI.WANGWU.detache")
    assert not check_seal(odd, office.root, NOW).good
    with suppress(MalformedPdf):
        read_pdf(sealed[:-400])
    assert caplog.text == ""


def test_a_cut_file_is_found(sealed: bytes, office: Office) -> None:
    for keep in (0, 10, len(sealed) // 2, len(sealed) - 1):
        assert not check_seal(sealed[:keep], office.root, NOW).good


def test_another_root_is_not_trusted(sealed: bytes) -> None:
    check = check_seal(sealed, found().root, NOW)
    assert (check.intact, check.trusted, check.reason) == (True, False, "untrusted")


def test_a_seal_outlives_its_certificate(plain: bytes, sealed: bytes, office: Office) -> None:
    assert check_seal(sealed, office.root, NOW + timedelta(days=30 * 365)).good
    # but what says it was signed after the certificate's end is not trusted
    late = NOW + timedelta(days=6 * 365)
    pdf = seal_pdf(plain, office.signer, root=office.root, now=late, reason="签发")
    assert check_seal(pdf, office.root, late).reason == "untrusted"


def test_a_seal_from_the_future_is_not_trusted(sealed: bytes, office: Office) -> None:
    assert check_seal(sealed, office.root, NOW - timedelta(minutes=4)).good
    check = check_seal(sealed, office.root, NOW - timedelta(minutes=6))
    assert (check.trusted, check.reason) == (False, "signed-in-future")


def test_no_seal_is_said_so(plain: bytes, office: Office) -> None:
    assert check_seal(plain, office.root, NOW).reason == "no-seal"
    assert check_seal(b"GIF89a", office.root, NOW).reason == "unreadable"


def test_a_second_seal_is_refused(sealed: bytes, office: Office) -> None:
    with pytest.raises(SealFailed):
        seal_pdf(sealed, office.signer, root=office.root, now=NOW, reason="签发")


def test_only_a_seal_key_with_a_certificate_seals(plain: bytes, office: Office) -> None:
    class Other:
        def __init__(self, info: KeyInfo) -> None:
            self.info = info

        def sign(self, message: bytes) -> bytes:
            raise AssertionError(message)

    info = office.signer.info
    for wrong in (replace(info, certificate=None), replace(info, purpose=Purpose.RECORD)):
        with pytest.raises(SealFailed):
            seal_pdf(plain, Other(wrong), root=office.root, now=NOW, reason="签发")


def test_a_broken_pdf_is_not_sealed(office: Office) -> None:
    with pytest.raises(SealFailed):
        seal_pdf(b"%PDF-1.7\n", office.signer, root=office.root, now=NOW, reason="签发")


def test_the_cms_has_one_form(office: Office) -> None:
    certificate = office.signer.info.certificate
    assert certificate is not None
    der = make_cms(bytes(32), certificate=certificate, root=office.root, sign=office.signer.sign)
    assert assemble(parse_cms(der)) == der
    for at in range(len(der)):
        try:
            parts = parse_cms(change(der, at, 1))
        except MalformedPdf:
            continue
        # What parses still is held by the signature, by the certificate's digest in the signed
        # attributes, or is the signature itself.
        whole = parse_cms(der)
        assert parts.root == whole.root
        assert (parts.signed_attributes, parts.signature, parts.certificate) != (
            whole.signed_attributes,
            whole.signature,
            whole.certificate,
        )


def test_attachments_are_read(sealed: bytes) -> None:
    inside = read_pdf(sealed)
    assert inside.attachments == {RECORD_NAME: RECORD, PROOF_NAME: PROOF}
    assert (inside.record_json, inside.tlog_proof) == (RECORD, PROOF)


def rewritten(plain: bytes, edit: Callable[[pikepdf.Pdf], None], **saving: object) -> bytes:
    target = BytesIO()
    with pikepdf.open(BytesIO(plain)) as pdf:
        edit(pdf)
        pdf.save(target, **saving)  # type: ignore[arg-type]
    return target.getvalue()


def attach(pdf: pikepdf.Pdf, name: str, content: bytes) -> None:
    pdf.attachments[name] = pikepdf.AttachedFileSpec(pdf, content, filename=name)


def test_too_many_or_too_large_attachments_are_refused(plain: bytes) -> None:
    many = rewritten(plain, lambda pdf: [attach(pdf, f"{n}.txt", b"x") for n in range(9)] and None)
    with pytest.raises(MalformedPdf, match="more than"):
        read_pdf(many)
    large = rewritten(plain, lambda pdf: attach(pdf, "large", bytes(256 * 1024 + 1)))
    with pytest.raises(MalformedPdf, match="256 KiB"):
        read_pdf(large)


def test_a_flate_bomb_is_refused(plain: bytes) -> None:
    bomb = rewritten(
        plain, lambda pdf: attach(pdf, "bomb", bytes(40 * 1024 * 1024)), compress_streams=True
    )
    assert len(bomb) < 1024 * 1024
    with pytest.raises(MalformedPdf):
        read_pdf(bomb)


def test_an_encrypted_pdf_is_refused(plain: bytes) -> None:
    for password in ("", "x"):
        locked = rewritten(
            plain, lambda pdf: None, encryption=pikepdf.Encryption(owner="o", user=password)
        )
        with pytest.raises(MalformedPdf):
            read_pdf(locked)


def test_two_attachments_of_one_name_are_refused(plain: bytes) -> None:
    def double(pdf: pikepdf.Pdf) -> None:
        names = pdf.Root.Names.EmbeddedFiles.Names
        names.extend([names[0], names[1]])

    with pytest.raises(MalformedPdf, match="one name"):
        read_pdf(rewritten(plain, double))


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"%PDF-1.7\n%%EOF", b"%PDF-" + bytes(16 << 20)])
def test_what_is_no_pdf_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedPdf):
        read_pdf(data)


@given(st.binary(max_size=300), st.integers(0, 20_000))
def test_a_damaged_pdf_never_raises_anything_else(sealed: bytes, noise: bytes, at: int) -> None:
    damaged = sealed[:at] + noise + sealed[at + len(noise) :]
    with suppress(MalformedPdf):
        read_pdf(damaged)
    assert damaged == sealed or not check_seal(damaged, b"", NOW).good


def test_a_check_that_would_wait_for_something_says_nothing(
    sealed: bytes, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def waits(*_: object, **__: object) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(check_module, "async_validate_pdf_signature", waits)
    answer = check_seal(sealed, office.root, NOW)
    assert (answer.good, answer.intact, answer.reason) == (False, False, "unchecked")


def test_a_seal_is_checked_within_a_running_event_loop_too(sealed: bytes, office: Office) -> None:
    async def check() -> SealCheck:
        return check_seal(sealed, office.root, NOW)

    # In a thread of its own: another test's browser may have left a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: asyncio.run(check())).result().good
