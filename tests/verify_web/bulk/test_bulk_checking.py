"""What is answered: each state, both kinds of facts, and nothing green that was not checked."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

from keys.model import KeyState
from signing.certverify import main
from signing.errors import MalformedReceipt
from signing.mirror import Factor
from signing.receipt import parse_receipt
from signing.receipt_table import read_receipt_table
from verify_web.bulk.accounts import end_organisation
from verify_web.bulk.audit import check_chain
from verify_web.bulk.jobs import State, find_job, forget_job, jobs_of, read_file, take
from verify_web.bulk.quota import QUOTAS, Employer, Kind, QuotaUsed
from verify_web.bulk.store import JOB_TERM, purge
from verify_web.clients import client_of
from verify_web.errors import ServiceTrouble
from verify_web.limits import Rate, TooMany


def words(sheet: bytes) -> list[str]:
    return [row.word for _, row in read_receipt_table(sheet).rows]


def last_six(bulk: Any, name: str) -> str:
    return str(bulk.world.records[name].id_number[-6:])


@pytest.mark.parametrize("by", ["name", "last six", "both"])
def test_every_state_has_its_word(bulk: Any, by: str) -> None:
    names = ["valid", "revoked", "new", "suspended", "second"]
    rows = [
        bulk.row(
            one,
            **({} if by == "name" else {"last_six": last_six(bulk, one).lower()}),
            **({"name": ""} if by == "last six" else {}),
        )
        for one in names
    ]
    sheet, receipt = bulk.check(*rows)
    assert words(sheet) == ["有效", "已撤销", "有效", "已暂停", "有效"]
    assert parse_receipt(receipt).receipt.results == "VRVSV"


def test_the_newest_edition_of_a_number_speaks(bulk: Any) -> None:
    sheet, _ = bulk.check(bulk.row("old"))
    ((_, row),) = read_receipt_table(sheet).rows
    assert (row.word, row.edition) == ("有效", "2")


def test_a_corrected_certificate_alone_is_corrected(bulk: Any) -> None:
    del bulk.world.entries["new"]
    bulk.world.write_mirror()
    assert words(bulk.check(bulk.row("old"))[0]) == ["已更正"]


def test_a_row_that_does_not_match_says_not_which_fact(bulk: Any) -> None:
    number = bulk.world.records["valid"].number
    rows = [
        bulk.row("valid", name="示例不符"),
        bulk.row("valid", number=f"{number[:-1]}9"),
        bulk.row("valid", last_six="000000"),
        bulk.row("valid", name="", last_six="000000"),
    ]
    sheet, _ = bulk.check(*rows)
    found = [row for _, row in read_receipt_table(sheet).rows]
    assert {row.word for row in found} == {"未找到或不符"}
    assert {(row.edition, row.occupation, row.level, row.as_of) for row in found} == {("",) * 4}


def test_a_lying_mirror_or_log_gives_nothing_green(bulk: Any) -> None:
    world = bulk.world
    employer, _ = bulk.organisation()
    mirror = world.public / "mirror.db"
    with closing(sqlite3.connect(mirror)) as connection, connection:
        connection.execute("DELETE FROM entries")
    job = bulk.ask(employer, bulk.row("valid"))
    bulk.work()
    assert words(read_file(bulk.desk, employer.employer, job, receipt=False)) == ["暂无法确认"]
    elsewhere = world.entries["valid"].index
    world.write_mirror(second=msgspec.structs.replace(world.entries["second"], index=elsewhere))
    assert words(bulk.check(bulk.row("second"))[0]) == ["暂无法确认"]
    world.write_mirror()
    (world.public / "status" / "latest.json").unlink()
    sheet, receipt = bulk.check(bulk.row("second"), bulk.row("revoked"))
    assert words(sheet) == ["暂无法确认", "暂无法确认"]
    assert parse_receipt(receipt).receipt.as_of == ""


def test_an_old_status_is_not_called_in_force(bulk: Any) -> None:
    bulk.clock.moment += timedelta(days=8)
    assert words(bulk.check(bulk.row("valid"))[0]) == ["暂无法确认"]


def test_without_an_announced_key_nothing_is_signed_and_jobs_wait(bulk: Any) -> None:
    employer, _ = bulk.organisation()
    job = bulk.ask(employer, bulk.row("valid"))
    for state in (None, KeyState.RETIRED, KeyState.REVOKED, None):
        if state is None:
            bulk.announce()
        else:
            bulk.announce_changed(state)
        with pytest.raises(ServiceTrouble):
            bulk.work()
    assert find_job(bulk.desk, employer.employer, job).state is State.WAITING
    bulk.announce(bulk.key)
    assert bulk.work() == 1


def test_formulas_stay_text(bulk: Any) -> None:
    sheet, _ = bulk.check(bulk.row("valid", name="=1+1", last_six=""), bulk.row("valid", name="@A"))
    cells = openpyxl.load_workbook(io.BytesIO(sheet))["查验结果"]
    assert [cells.cell(row, 2).data_type for row in (2, 3)] == ["s", "s"]
    assert cells.cell(2, 2).quotePrefix
    assert cells.cell(2, 2).value == "=1+1"


class TestOffline:
    @pytest.fixture
    def files(self, bulk: Any, tmp_path: Path) -> Any:
        sheet, receipt = bulk.check(
            bulk.row("valid"), bulk.row("revoked"), bulk.row("valid", name="示例不符")
        )
        (tmp_path / "a.xlsx").write_bytes(sheet)
        (tmp_path / "a.receipt.json").write_bytes(receipt)
        return tmp_path

    def run(self, bulk: Any, files: Path, *more: str) -> int:
        argv = [str(files / "a.receipt.json"), "--trust", str(bulk.trust), *more]
        return main(argv, clock=bulk.clock)

    def test_certverify_finds_receipt_and_table_good(
        self, bulk: Any, files: Path, capsys: Any
    ) -> None:
        assert self.run(bulk, files, "--table", str(files / "a.xlsx")) == 0
        assert "凭证真实，单元格文字未改动" in capsys.readouterr().out
        assert self.run(bulk, files) == 2
        assert self.run(bulk, files, "--table", str(files / "a.xlsx"), "--json") == 0
        assert "示例" not in capsys.readouterr().out

    def test_a_table_saved_again_by_an_office_program_is_the_same(
        self, bulk: Any, files: Path
    ) -> None:
        book = openpyxl.load_workbook(files / "a.xlsx")
        book["查验结果"].column_dimensions["A"].width = 60
        book["查验结果"].insert_rows(1)
        book.save(files / "b.xlsx")
        assert self.run(bulk, files, "--table", str(files / "b.xlsx")) == 0

    def test_a_prettier_answer_is_found(self, bulk: Any, files: Path, capsys: Any) -> None:
        book = openpyxl.load_workbook(files / "a.xlsx")
        book["查验结果"]["D3"] = "有效"
        book.save(files / "b.xlsx")
        assert self.run(bulk, files, "--table", str(files / "b.xlsx")) == 1
        assert "\n   共 1 行 rows: 3\n" in capsys.readouterr().out

    def test_anothers_table_is_no_table_of_this_receipt(self, bulk: Any, files: Path) -> None:
        sheet, _ = bulk.check(bulk.row("valid"), bulk.row("revoked"))
        (files / "b.xlsx").write_bytes(sheet)
        assert self.run(bulk, files, "--table", str(files / "b.xlsx")) == 1

    def test_it_still_verifies_after_years_and_another_key(self, bulk: Any, files: Path) -> None:
        bulk.announce_changed(KeyState.RETIRED)
        bulk.clock.moment += timedelta(days=3650)
        assert self.run(bulk, files, "--table", str(files / "a.xlsx")) == 0
        bulk.announce_changed(KeyState.REVOKED)
        assert self.run(bulk, files, "--table", str(files / "a.xlsx")) == 2

    def test_files_that_do_not_go_together_are_refused(
        self, bulk: Any, files: Path, capsys: Any
    ) -> None:
        assert self.run(bulk, files, "--recipient", "示例") == 2
        assert self.run(bulk, files, "--table", str(files / "a.receipt.json")) == 2
        bundle = files / "c.json"
        bundle.write_bytes(b"{}")
        argv = [str(bundle), "--trust", str(bulk.trust), "--table", str(files / "a.xlsx")]
        assert main(argv, clock=bulk.clock) == 2
        assert "--table goes with" in capsys.readouterr().err


def test_no_table_of_ours_is_told(sheet_of: Any) -> None:
    for data in (b"", b"PK\x03\x04", sheet_of(("证书编号",))):
        with pytest.raises(MalformedReceipt):
            read_receipt_table(data)


class TestLimits:
    def test_rows_of_a_day_run_out(self, bulk: Any) -> None:
        employer = Employer(employer="Eaaaa", kind=Kind.MAIL)
        most = QUOTAS[Kind.MAIL].rows
        bulk.ask(employer, *[bulk.row("valid")] * most)
        with pytest.raises(QuotaUsed):
            bulk.ask(employer, bulk.row("valid"))
        bulk.clock.moment += timedelta(days=1, seconds=1)
        bulk.ask(employer, bulk.row("valid"))

    def test_guesses_run_out_first_and_the_rest_is_not_asked(
        self, bulk: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("verify_web.bulk.checker.AT_ONCE", 5)
        few = {kind: type(quota)(rows=100, misses=10) for kind, quota in QUOTAS.items()}
        monkeypatch.setattr("verify_web.bulk.quota.QUOTAS", few)
        employer, _ = bulk.organisation()
        wrong = [bulk.row("valid", number=f"Y00004499900126309{at:04d}") for at in range(12)]
        job = bulk.ask(employer, *wrong, bulk.row("valid"), bulk.row("second"))
        bulk.work()
        found = words(read_file(bulk.desk, employer.employer, job, receipt=False))
        assert found == ["未找到或不符"] * 10 + ["暂无法确认"] * 4
        with pytest.raises(QuotaUsed):
            bulk.ask(employer, bulk.row("valid"))

    def guess(self, bulk: Any, kind: Kind, accounts: int) -> int:
        """Guess four names at one number by each of many accounts; give the guesses answered."""
        answers = []
        for at in range(accounts):
            employer = self.account(bulk, kind, at)
            rows = [bulk.row("valid", name=f"示例{at}{n}") for n in range(4)]
            job = bulk.ask(employer, *rows)
            bulk.work()
            answers += words(read_file(bulk.desk, employer.employer, job, receipt=False))
        return answers.count("未找到或不符")

    def account(self, bulk: Any, kind: Kind, at: int) -> Employer:
        if kind is Kind.KEY:
            return bulk.organisation(f"示例单位{at}")[0]
        return bulk.by_mail(f"hr{at}@example.com")

    def test_accounts_by_mail_have_together_no_more_guesses_at_one_number_than_one(
        self, bulk: Any
    ) -> None:
        assert self.guess(bulk, Kind.MAIL, 10) == 10
        bulk.clock.moment += timedelta(hours=1)
        assert self.guess(bulk, Kind.MAIL, 10) == 10

    def test_organisations_have_two_guesses_of_their_own_besides(self, bulk: Any) -> None:
        # 10 of the number's own bucket, the last 2 of them the third one's; then 2 for each.
        assert self.guess(bulk, Kind.KEY, 10) == 10 + 8 * 2
        number = bulk.world.records["valid"].number
        client = client_of("192.0.2.1", "", ())
        allowance = bulk.bench.site.allowance
        for _ in range(2):
            allowance.look_up(client, {Factor.NUMBER: number, Factor.NAME: "示例"})
        with pytest.raises(TooMany):
            allowance.look_up(client, {Factor.NUMBER: number, Factor.NAME: "示例"})

    def test_guesses_through_tables_draw_from_everybodys_bucket(
        self, bulk: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("verify_web.allowance.SITE_MISSES", Rate(name="s", burst=5, every=60))
        wrong = [bulk.row("valid", number=f"Y00004499900126309{at:04d}") for at in range(8)]
        for at, expected in enumerate((5, 0)):
            employer = bulk.by_mail(f"hr{at}@example.com")
            job = bulk.ask(employer, *wrong[at * 4 :], *wrong[:at])
            bulk.work()
            found = words(read_file(bulk.desk, employer.employer, job, receipt=False))
            assert found.count("未找到或不符") == expected

    def test_hits_cost_nobody_anything(self, bulk: Any) -> None:
        sheet, _ = bulk.check(*[bulk.row("valid")] * 600)
        assert set(words(sheet)) == {"有效"}


class TestKept:
    def test_nothing_of_a_person_or_an_address_stands_in_the_file(
        self, bulk: Any, sheet_of: Any
    ) -> None:
        employer, key = bulk.organisation("示例甲单位")
        bulk.ask(employer, bulk.row("valid", last_six=last_six(bulk, "valid")))
        before = self._bytes(bulk)
        bulk.work()
        for data in (before, self._bytes(bulk)):
            for text in ("欧阳示例", "示例甲单位", bulk.world.records["valid"].number, key):
                assert text.encode() not in data

    def _bytes(self, bulk: Any) -> bytes:
        folder = bulk.bench.site.config.state.parent
        return b"".join(file.read_bytes() for file in folder.iterdir())

    def test_what_was_asked_goes_with_the_answer_and_all_goes_with_the_term(
        self, bulk: Any
    ) -> None:
        employer, _ = bulk.organisation()
        job = bulk.ask(employer, bulk.row("valid"))
        bulk.work()
        with bulk.desk.state.transaction() as connection:
            assert connection.execute("SELECT input FROM jobs").fetchall() == [(None,)]
        bulk.clock.moment += JOB_TERM + timedelta(seconds=1)
        purge(bulk.desk)
        assert jobs_of(bulk.desk, employer.employer) == []
        assert check_chain(bulk.desk).lines == 1
        assert job

    def test_what_was_deleted_stands_nowhere_in_the_file(self, bulk: Any) -> None:
        employer, _ = bulk.organisation()
        job = bulk.ask(employer, *[bulk.row("valid")] * 50)
        bulk.work()
        with bulk.desk.state.transaction() as connection:
            ((sealed,),) = connection.execute("SELECT result FROM jobs").fetchall()
        assert sealed[200:260] in self._bytes(bulk)
        forget_job(bulk.desk, employer.employer, job)
        assert sealed[200:260] not in self._bytes(bulk)

    def test_a_dead_workers_job_is_begun_again_and_given_up_at_last(self, bulk: Any) -> None:
        employer, _ = bulk.organisation()
        job = bulk.ask(employer, bulk.row("valid"))
        for _ in range(2):
            assert take(bulk.desk) is not None
            assert take(bulk.desk) is None
            bulk.clock.moment += timedelta(seconds=61)
        assert bulk.work() == 1
        assert find_job(bulk.desk, employer.employer, job).state is State.DONE
        job = bulk.ask(employer, bulk.row("valid"))
        for _ in range(3):
            assert take(bulk.desk) is not None
            bulk.clock.moment += timedelta(seconds=61)
        assert take(bulk.desk) is None
        assert find_job(bulk.desk, employer.employer, job).state is State.FAILED

    def test_an_ended_account_can_do_nothing(self, bulk: Any) -> None:
        employer, key = bulk.organisation()
        bulk.ask(employer, bulk.row("valid"))
        assert end_organisation(bulk.desk, employer.employer)
        assert not end_organisation(bulk.desk, employer.employer)
        assert bulk.work() == 0
        answer = bulk.client().post("/bulk/enter", data={"key": key})
        assert answer.status_code == 422

    def test_a_changed_or_lost_audit_line_is_found(self, bulk: Any) -> None:
        employer, _ = bulk.organisation()
        for _ in range(3):
            bulk.ask(employer, bulk.row("valid"))
        whole = check_chain(bulk.desk)
        assert (whole.lines, whole.broken_at) == (3, None)
        for harm in (
            "UPDATE audit SET body = body || x'20' WHERE line = 2",
            "DELETE FROM audit WHERE line = 2",
        ):
            with bulk.desk.state.transaction() as connection:
                kept = connection.execute("SELECT * FROM audit").fetchall()
                connection.execute(harm)
            assert check_chain(bulk.desk).broken_at == 2
            with bulk.desk.state.transaction() as connection:
                connection.execute("DELETE FROM audit")
                connection.executemany("INSERT INTO audit VALUES (?, ?, ?)", kept)
            assert check_chain(bulk.desk) == whole

    def test_an_audit_line_names_nobody(self, bulk: Any) -> None:
        employer, _ = bulk.organisation("示例甲单位")
        bulk.ask(employer, bulk.row("valid"))
        with bulk.desk.state.transaction() as connection:
            ((body,),) = connection.execute("SELECT body FROM audit").fetchall()
        text = body.decode()
        assert employer.employer in text
        assert '"rows":1' in text
        for secret in ("示例", bulk.world.records["valid"].number):
            assert secret not in text


def test_the_web_process_opens_no_connection_and_cannot_sign(root: Path) -> None:
    code = (
        "import sys, verify_web.wsgi;"
        "print([m for m in ('smtplib', 'verify_web.mail', 'python_calamine',"
        " 'signing.receiptkey') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
