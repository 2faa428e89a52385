"""The offline command: each kind of file, its words, exit codes, and what it does not load."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from PIL import Image

from keys.ceremony import make_seal_certificate, make_seal_root
from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import format_policy
from keys.signer import public_bytes, software_signer
from keys.trust import issuers_json
from signing.bundle import bundle_file, proof_file
from signing.certtext import as_text
from signing.certverify import MAX_FILE_BYTES, main
from signing.envelope import to_json
from signing.pdf import PROOF_NAME, RECORD_NAME, seal_pdf
from signing.pdf_verify import verify_pdf
from signing.qr import parse_payload, qr_payload, qr_url, to_digits
from signing.qr_image import write_qr
from signing.report import Reason, StepCode, Verdict
from signing.tlog.entry import State
from signing.verify import verify, verify_qr

MONTH = timedelta(days=30)
TOKEN = "abcdefgh234567aa"


class Seals:
    """The office's seal root and seal keys of the two companies the office knows."""

    def __init__(self, trust: Any, now: datetime) -> None:
        self.root_key = generate_private_key(SECP256R1())
        self.at = now - timedelta(days=2)
        self.root = make_seal_root(self.root_key, "示例市职业技能鉴定指导中心", self.at)
        self.signers = {
            prefix: self.signer(issuer.name, issuer.uscc, prefix)
            for prefix, issuer in trust.issuers.items()
        }

    def signer(self, company: str, uscc: str, prefix: str) -> Any:
        key = generate_private_key(SECP256R1())
        certificate = make_seal_certificate(
            self.root_key, self.root, key.public_key(), company=company, uscc=uscc, now=self.at
        )
        info = KeyInfo(
            key_id=key_id_of(Algorithm.ECDSA_P256, public_bytes(key)),
            algorithm=Algorithm.ECDSA_P256,
            purpose=Purpose.PDF,
            issuer=prefix,
            not_before=self.at,
            not_after=self.at + timedelta(days=365),
            state=KeyState.ACTIVE,
            public_key=public_bytes(key),
            certificate=certificate,
        )
        return software_signer(info, key)


@pytest.fixture(scope="session")
def seals(trust: Any, now: datetime) -> Seals:
    return Seals(trust, now)


@pytest.fixture(scope="session")
def sealing_trust(trust: Any, seals: Seals, trusted_key: Any) -> Any:
    issuers = {
        prefix: replace(issuer, keys=(*issuer.keys, trusted_key(seals.signers[prefix])))
        for prefix, issuer in trust.issuers.items()
    }
    return replace(trust, issuers=issuers, seal_root=seals.root)


@pytest.fixture(scope="session")
def trust_directory(tmp_path_factory: Any, sealing_trust: Any, log_signer: Any) -> Path:
    directory = Path(tmp_path_factory.mktemp("trust"))
    (directory / "log.policy").write_bytes(format_policy(sealing_trust.policy))
    (directory / "issuers.json").write_bytes(
        issuers_json(
            issuers=sealing_trust.issuers.values(),
            seal_root=sealing_trust.seal_root,
            base_url=sealing_trust.base_url,
            issued_at=sealing_trust.issued_at,
            signer=log_signer,
        )
    )
    return directory


def _plain_pdf(attachments: dict[str, bytes]) -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(595, 842))
    for name, content in attachments.items():
        pdf.attachments[name] = content
    output = BytesIO()
    pdf.save(output)
    return output.getvalue()


@pytest.fixture(scope="session")
def make_pdf(log: Any, seals: Seals, now: datetime) -> Callable[..., bytes]:
    def make(*, signer: Any = None, root: bytes = seals.root, evidence: Any = None) -> bytes:
        evidence = evidence or log.evidence()
        attachments = {RECORD_NAME: to_json(evidence.envelope)}
        if evidence.proof is not None:
            attachments[PROOF_NAME] = proof_file(evidence, with_record=False)
        signer = signer or next(iter(seals.signers.values()))
        return seal_pdf(_plain_pdf(attachments), signer, root=root, now=now, reason="发证")

    return make


class Run:
    """One run of the command on a file of these bytes."""

    def __init__(self, trust_directory: Path, tmp_path: Path, now: datetime, capsys: Any) -> None:
        self.trust, self.folder, self.moment, self.capsys = trust_directory, tmp_path, now, capsys

    def now(self) -> datetime:
        return self.moment

    def __call__(self, data: bytes, *options: str) -> tuple[int, str, str]:
        file = self.folder / "file"
        file.write_bytes(data)
        code = main([str(file), "--trust", str(self.trust), *options], clock=self)
        output = self.capsys.readouterr()
        return code, output.out, output.err


@pytest.fixture
def run(trust_directory: Path, tmp_path: Path, now: datetime, capsys: Any) -> Run:
    return Run(trust_directory, tmp_path, now, capsys)


def _picture(*texts: str) -> bytes:
    pages = []
    for text in texts:
        matrix = write_qr(text)
        image = Image.new("L", (matrix.size + 8, matrix.size + 8), 255)
        inner = Image.frombytes(
            "L", (matrix.size, matrix.size), matrix.modules.translate(bytes([255]) + bytes(255))
        )
        image.paste(inner, (4, 4))
        pages.append(image.resize((image.width * 6, image.height * 6), Image.Resampling.NEAREST))
    whole = Image.new("L", (sum(page.width for page in pages), max(p.height for p in pages)), 255)
    for at, page in enumerate(pages):
        whole.paste(page, (sum(before.width for before in pages[:at]), 0))
    output = BytesIO()
    whole.save(output, "PNG")
    return output.getvalue()


def _url(record: Any, signer: Any, base: str = "https://zs.example.cn") -> str:
    return qr_url(base, TOKEN, to_digits(qr_payload(record, signer)))


def test_a_good_file_of_each_kind(run: Run, log: Any, make_pdf: Any) -> None:
    evidence = log.evidence()
    for data in (bundle_file(evidence), proof_file(evidence, with_record=True), make_pdf()):
        code, out, err = run(data)
        assert (code, err) == (0, "")
        assert out.startswith("有效  Valid\n")


def test_the_words_stand_in_columns_and_the_id_is_masked(run: Run, log: Any) -> None:
    _, out, _ = run(bundle_file(log.evidence()))
    lines = out.splitlines()
    assert "姓名          Name                    张示例3" in lines
    assert "证件号码      Document number         440***********0011" in lines
    assert "职业技能等级  Level                   三级/高级工 Level 3, senior worker" in lines
    assert any(
        line.startswith("状态截至      Status as of            2026-11-24 09:00:00")
        for line in lines
    )
    assert [line[:2] for line in lines if line[:1].isdigit()] == ["1.", "2.", "3.", "4.", "5."]
    assert "440300199001010011" not in out


def test_a_pdf_has_a_sixth_and_a_seventh_step(run: Run, make_pdf: Any) -> None:
    code, out, _ = run(make_pdf(), "--json")
    steps = json.loads(out)["steps"]
    assert code == 0
    assert [(step["number"], step["answer"]) for step in steps] == [
        (number, "valid") for number in range(1, 8)
    ]
    assert [step["reason"] for step in steps[5:]] == ["seal-good", "copy-original"]


def test_json_has_codes_words_and_no_id_number(run: Run, log: Any) -> None:
    _, out, _ = run(bundle_file(log.evidence()), "--json")
    report = json.loads(out)
    assert report["verdict"] == "valid"
    assert report["as_of"] == "2026-11-24T01:00:00Z"
    assert report["record"]["name"] == "张示例3"
    assert report["record"]["id_number"] == "440***********0011"
    assert report["steps"][4]["reason"] == "status-in-force"
    assert report["steps"][4]["text"]["zh"]
    assert "440300199001010011" not in out
    assert "2026112300017" not in out


def test_a_name_on_file_that_differs_is_shown(
    log: Any, sealing_trust: Any, now: datetime, make_record: Any, record_signer: Any
) -> None:
    prefix, issuer = next(iter(sealing_trust.issuers.items()))
    renamed = replace(issuer, name="深圳市改名示例有限公司")
    trust = replace(sealing_trust, issuers={prefix: renamed})
    qr = parse_payload(qr_payload(make_record(), record_signer))
    row = "机构备案名称  Issuer's name on file   深圳市改名示例有限公司"
    for believed, shown in ((trust, 1), (sealing_trust, 0)):
        for report in (
            verify(log.evidence(), believed, now=now, max_age=MONTH),
            verify_qr(qr, believed, now=now, base_url=believed.base_url),
        ):
            assert as_text(report).splitlines().count(row) == shown


@pytest.mark.parametrize(
    ("state", "word"),
    [(State.REVOKED, "已撤销"), (State.SUSPENDED, "已暂停"), (State.SUPERSEDED, "已更正")],
)
def test_a_state_exits_one_with_one_line(run: Run, make_log: Any, state: State, word: str) -> None:
    code, out, err = run(bundle_file(make_log(states={2: state}).evidence()))
    assert code == 1
    assert out.startswith(word)
    assert err.count("\n") == 1
    assert word in err


def test_a_forgery_exits_one(run: Run, log: Any) -> None:
    forged = msgspec.structs.replace(log.envelope(2), signature=bytes(64))
    code, out, err = run(bundle_file(replace(log.evidence(), envelope=forged)))
    assert code == 1
    assert out.startswith("无效")
    assert "2." in err


def test_no_answer_exits_two(run: Run, log: Any, make_log: Any) -> None:
    code, out, err = run(bundle_file(replace(log.evidence(), staple=None)))
    assert code == 2
    assert out.startswith("暂无法确认")
    assert err.count("\n") == 1
    old = bundle_file(make_log(status_time="2026-11-20T00:00:00Z").evidence())
    assert run(old)[0] == 0
    assert run(old, "--max-age", "3")[0] == 2


def test_a_qr_picture(run: Run, make_record: Any, record_signer: Any, other_signer: Any) -> None:
    code, out, err = run(_picture(_url(make_record(), record_signer)))
    assert code == 2
    assert "姓名          Name                    张示例\n" in out
    assert "https://zs.example.cn" in out
    assert err.count("\n") == 1
    assert run(_picture(_url(make_record(), other_signer)))[0] == 1
    foreign = _picture(_url(make_record(), record_signer, "https://zs.example.com"))
    code, out, _ = run(foreign, "--json")
    step = json.loads(out)["steps"][0]
    assert (code, step["reason"]) == (2, "record-foreign-host")
    assert step["facts"]["address"] == "https://zs.example.com"
    assert step["facts"]["expected_address"] == "https://zs.example.cn"


def test_pictures_of_two_certificates_or_none(
    run: Run, make_record: Any, record_signer: Any
) -> None:
    one, two = (_url(make_record(name=name), record_signer) for name in ("甲示例", "乙示例"))
    assert "one at a time" in run(_picture(one, two))[2]
    assert "not a certificate" in run(_picture("https://example.cn/" + "x" * 200))[2]
    code, out, err = run(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_files_of_no_kind(run: Run, tmp_path: Path, trust_directory: Path) -> None:
    for data in (b"", b"PK\x03\x04", b"{}", b"{", b"c2sp.org/tlog-proof@v1\n", b"%PDF-1.7\n"):
        code, out, err = run(data)
        assert (code, out, err.count("\n")) == (2, "", 1)
    assert "32 MiB" in run(bytes(MAX_FILE_BYTES + 1))[2]
    assert main([str(tmp_path / "none"), "--trust", str(trust_directory)]) == 2
    assert main([str(tmp_path), "--trust", str(trust_directory)]) == 2


def test_a_bad_trust_folder_is_one_line(
    run: Run, tmp_path: Path, trust_directory: Path, log: Any
) -> None:
    data = bundle_file(log.evidence())
    run.trust = tmp_path
    for broken in (None, "log.policy", "issuers.json"):
        for name in ("log.policy", "issuers.json"):
            content = (trust_directory / name).read_bytes()
            if broken is not None:
                (tmp_path / name).write_bytes(content[:-9] if name == broken else content)
        code, out, err = run(data, "--json")
        assert (code, err.count("\n")) == (2, 1)
        assert json.loads(out)["verdict"] == "cannot-say"
        assert json.loads(out)["error"]["code"] == "trust-broken"


def test_bad_options_exit_two(trust_directory: Path) -> None:
    for options in (["file"], ["file", "--trust", str(trust_directory), "--max-age", "-1"], []):
        with pytest.raises(SystemExit) as stop:
            main(options)
        assert stop.value.code == 2


def _seal(data: bytes, trust: Any, now: datetime) -> tuple[Verdict, Reason]:
    report = verify_pdf(data, trust, now=now, max_age=MONTH)
    return report.verdict, report.step(StepCode.SEAL).reason


def test_lies_of_pdfs(
    *, make_pdf: Any, sealing_trust: Any, seals: Seals, now: datetime, log: Any, trusted_key: Any
) -> None:
    good = make_pdf()
    ours, other = seals.signers.values()
    prefix, issuer = next(iter(sealing_trust.issuers.items()))
    assert _seal(good, sealing_trust, now) == (Verdict.VALID, Reason.SEAL_GOOD)
    assert _seal(good + b"\n% more\n", sealing_trust, now)[0] is Verdict.INVALID
    flipped = bytearray(good)
    flipped[good.index(b"/MediaBox") + 14] ^= 1
    assert _seal(bytes(flipped), sealing_trust, now) == (Verdict.INVALID, Reason.SEAL_BROKEN)
    # Another company, known and trusted, puts its own page around our record.
    stolen = make_pdf(signer=other)
    assert _seal(stolen, sealing_trust, now) == (Verdict.INVALID, Reason.SEAL_OTHER_ISSUER)
    strange = Seals(sealing_trust, now)
    forged = make_pdf(signer=next(iter(strange.signers.values())), root=strange.root)
    assert _seal(forged, sealing_trust, now) == (Verdict.INVALID, Reason.SEAL_UNTRUSTED)
    evidence = log.evidence()
    unsealed = _plain_pdf(
        {
            RECORD_NAME: to_json(evidence.envelope),
            PROOF_NAME: proof_file(evidence, with_record=False),
        }
    )
    assert _seal(unsealed, sealing_trust, now) == (Verdict.CANNOT_SAY, Reason.SEAL_MISSING)
    rootless = replace(sealing_trust, seal_root=None)
    assert _seal(good, rootless, now) == (Verdict.CANNOT_SAY, Reason.SEAL_NO_ROOT)
    unknown = replace(sealing_trust, issuers={})
    assert _seal(good, unknown, now) == (Verdict.CANNOT_SAY, Reason.SEAL_UNKNOWN_ISSUER)
    past = now - timedelta(hours=1)
    assert _seal(good, sealing_trust, past)[1] is Reason.SEAL_IN_FUTURE
    for revoked_at, verdict in (
        (now, Verdict.INVALID),
        (now + timedelta(seconds=1), Verdict.CANNOT_SAY),
    ):
        key = trusted_key(ours, state=KeyState.REVOKED, revoked_at=revoked_at)
        revoked = replace(issuer, keys=(issuer.keys[0], key))
        told = replace(sealing_trust, issuers={prefix: revoked})
        assert _seal(good, told, now) == (verdict, Reason.SEAL_REVOKED)
    assert _seal(make_pdf(evidence=replace(evidence, proof=None)), sealing_trust, now) == (
        Verdict.CANNOT_SAY, Reason.SEAL_GOOD,
    )  # fmt: skip


def test_a_pdf_without_a_record_is_no_certificate(run: Run) -> None:
    code, out, err = run(_plain_pdf({}))
    assert (code, out) == (2, "")
    assert "no record" in err


def test_the_command_loads_nothing_it_does_not_need(
    tmp_path: Path, trust_directory: Path, log: Any
) -> None:
    file = tmp_path / "file.certbundle.json"
    file.write_bytes(bundle_file(log.evidence()))
    program = (
        "import sys; from signing.certverify import main;"
        f"code = main([{str(file)!r}, '--trust', {str(trust_directory)!r}, '--json']);"
        "heavy = {'flask', 'sqlalchemy', 'pyhanko', 'pikepdf', 'zxingcpp', 'PIL', 'registry',"
        " 'verify_web', 'urllib.request', 'http.client'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, json.loads(done.stdout)["steps"][0]["answer"]) == (0, "valid"), done
