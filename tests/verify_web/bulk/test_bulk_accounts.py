"""Signing in: a code by e-mail, a key by the office; how often, how long, and what is kept."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from verify_web.bulk.accounts import (
    CODE_TRIES,
    employer_of_session,
    end_organisation,
    is_mail,
)
from verify_web.bulk.store import purge
from verify_web.channels import ConsoleChannel, Message, NotSent
from verify_web.mail import SmtpChannel, settings_of
from verify_web.outbox import LEASE_SECONDS, send_due

MAIL = "hr@example.com"


def ask(client: Any, mail: str = MAIL, address: str = "127.0.0.1") -> Any:
    data = {"mail": mail}
    return client.post("/bulk/code", data=data, environ_base={"REMOTE_ADDR": address})


def test_a_code_opens_a_session_once(bulk: Any) -> None:
    client = bulk.client()
    page = ask(client)
    assert page.status_code == 200
    assert MAIL in page.text
    code = bulk.code()
    assert bulk.letters.messages[-1].address == MAIL
    assert bulk.enter_by_mail(client, page, code).status_code == 303
    assert "选择表格" in client.get("/bulk").text
    assert bulk.enter_by_mail(bulk.client(), page, code).status_code == 422


def test_the_same_address_has_the_same_account(bulk: Any) -> None:
    found = []
    for address in (MAIL, MAIL.upper()):
        client = bulk.client()
        bulk.enter_by_mail(client, ask(client, address))
        token = client.get_cookie("bulk", path="/bulk").value
        found.append(employer_of_session(bulk.desk, token))
    assert found[0] == found[1] is not None


def test_a_code_has_five_tries(bulk: Any) -> None:
    client = bulk.client()
    page = ask(client)
    code = bulk.code()
    wrong = f"{(int(code) + 1) % 10**8:08}"
    for _ in range(CODE_TRIES):
        answer = bulk.enter_by_mail(client, page, wrong)
        assert answer.status_code == 422
        assert wrong not in answer.text
    assert bulk.enter_by_mail(client, page, code).status_code == 422


def test_a_code_is_over_after_ten_minutes_and_a_session_after_two_hours(bulk: Any) -> None:
    _, key = bulk.organisation()
    token = bulk.client().post("/bulk/enter", data={"key": key}).headers["Set-Cookie"]
    token = token.partition("=")[2].partition(";")[0]
    client = bulk.client()
    page = ask(client)
    code = bulk.code()
    assert employer_of_session(bulk.desk, token) is not None
    bulk.clock.moment += timedelta(minutes=10, seconds=1)
    assert bulk.enter_by_mail(client, page, code).status_code == 422
    bulk.clock.moment += timedelta(minutes=110)
    assert employer_of_session(bulk.desk, token) is None


def test_a_strangers_code_for_an_address_does_not_end_the_owners(bulk: Any) -> None:
    owner, stranger = bulk.client(), bulk.client()
    page = ask(owner)
    first = bulk.code()
    strange = ask(stranger)
    second = bulk.code()
    for _ in range(CODE_TRIES):
        bulk.enter_by_mail(stranger, strange, "00000000")
    # Each is good on its own page alone, and a used one ends the others of the address.
    assert bulk.enter_by_mail(owner, page, second).status_code == 422
    third = ask(stranger)
    code = bulk.code()
    assert bulk.enter_by_mail(owner, page, first).status_code == 303
    assert bulk.enter_by_mail(stranger, third, code).status_code == 422


def test_a_code_is_good_for_its_own_address_alone(bulk: Any) -> None:
    client = bulk.client()
    page = ask(client, "other@example.com")
    code = bulk.code()
    handle = re.search(r'name="handle" value="([^"]+)"', page.text)
    assert handle is not None
    data = {"mail": MAIL, "handle": handle[1], "code": code}
    assert client.post("/bulk/enter", data=data).status_code == 422


def test_an_ended_account_is_told_so(bulk: Any) -> None:
    employer = bulk.by_mail(MAIL)
    assert end_organisation(bulk.desk, employer.employer)
    client = bulk.client()
    answer = bulk.enter_by_mail(client, ask(client))
    assert answer.status_code == 422
    assert "已停用" in answer.text
    assert client.get_cookie("bulk", path="/bulk") is None


def test_an_account_by_mail_goes_after_a_year_without_use(bulk: Any) -> None:
    unused, used, watching = (bulk.by_mail(f"{name}@example.com") for name in "abc")
    organisation, _ = bulk.organisation()
    bulk.clock.moment += timedelta(days=200)
    assert bulk.by_mail("b@example.com") == used
    bulk.subscribe(watching, bulk.row("valid"), to="")
    bulk.clock.moment += timedelta(days=165, seconds=1)
    purge(bulk.desk)
    with bulk.desk.state.transaction() as connection:
        kept = {row[0] for row in connection.execute("SELECT employer FROM employers")}
    assert kept == {used.employer, watching.employer, organisation.employer}
    assert bulk.by_mail("a@example.com").employer != unused.employer


def test_nobodys_letter_box_is_filled(bulk: Any) -> None:
    client = bulk.client()
    one = [ask(client, address="192.0.2.1").status_code for _ in range(6)]
    # Three, and the one that this network has of its own.
    assert one == [200] * 4 + [429] * 2
    others = [ask(client, address=f"198.{at}.9.1").status_code for at in range(30)]
    assert others == [200] * 16 + [429] * 14


def test_strangers_shut_nobody_out_by_asking_for_codes(bulk: Any) -> None:
    client = bulk.client()
    for at in range(300):
        assert ask(client, f"a{at}@example.com", f"10.{at % 60}.{at // 60}.1").status_code == 200
    # Everybody's bucket is empty, and who has not asked gets a code all the same.
    assert ask(client, MAIL, "203.0.113.9").status_code == 200
    assert ask(client, "other@example.com", "203.0.113.9").status_code == 429


def test_many_addresses_of_one_network_are_one_stranger(bulk: Any) -> None:
    client = bulk.client()
    codes = [ask(client, f"a{at}@example.com", f"2001:db8:5:{at:x}::1") for at in range(60)]
    assert [answer.status_code for answer in codes] == [200] * 15 + [429] * 45


def test_one_address_asks_for_few_codes_and_tries_few_keys(bulk: Any) -> None:
    client = bulk.client()
    codes = [client.post("/bulk/code", data={"mail": f"a{n}@example.com"}) for n in range(6)]
    assert [answer.status_code for answer in codes] == [200] * 5 + [429]
    keys = [client.post("/bulk/enter", data={"key": f"cbk_{n}"}) for n in range(21)]
    assert [answer.status_code for answer in keys] == [422] * 20 + [429]
    assert "cbk_3" not in keys[3].text


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@b", "a b@example.com", "a@example.com\nBcc: x@y.zz", "@example.com", "a@-x.com"],
)
def test_what_is_no_address_gets_no_letter(bulk: Any, text: str) -> None:
    assert not is_mail(text)
    assert bulk.client().post("/bulk/code", data={"mail": text}).status_code == 422
    assert bulk.work() == 0


def test_a_message_that_was_not_taken_is_tried_again(bulk: Any) -> None:
    class Deaf:
        tries = 0

        def send(self, message: Message) -> None:
            self.tries += 1
            raise NotSent

    deaf = Deaf()
    bulk.client().post("/bulk/code", data={"mail": MAIL})
    assert send_due(bulk.desk, deaf) == send_due(bulk.desk, deaf) == 0
    assert deaf.tries == 1
    bulk.clock.moment += timedelta(seconds=6)
    send_due(bulk.desk, deaf)
    assert deaf.tries == 2
    bulk.clock.moment += timedelta(seconds=11)
    assert send_due(bulk.desk, bulk.letters) == 1
    assert send_due(bulk.desk, bulk.letters) == 0


def test_a_message_under_way_is_sent_by_no_other_process(bulk: Any) -> None:
    class Slow:
        def __init__(self) -> None:
            self.sent: list[str] = []

        def send(self, message: Message) -> None:
            self.sent.append(message.address)
            bulk.clock.moment += timedelta(seconds=100)
            assert send_due(bulk.desk, other) == (2 if len(self.sent) == 1 else 0)

    slow, other = Slow(), type(bulk.letters)()
    for at in range(3):
        ask(bulk.client(), f"a{at}@example.com")
    assert send_due(bulk.desk, slow) == 1
    assert slow.sent == ["a0@example.com"]
    assert [one.address for one in other.messages] == ["a1@example.com", "a2@example.com"]


def test_a_message_whose_sender_died_is_sent_again(bulk: Any) -> None:
    class Dying:
        def send(self, message: Message) -> None:
            raise KeyboardInterrupt

    ask(bulk.client())
    with pytest.raises(KeyboardInterrupt):
        send_due(bulk.desk, Dying())
    assert send_due(bulk.desk, bulk.letters) == 0
    bulk.clock.moment += timedelta(seconds=LEASE_SECONDS + 1)
    assert send_due(bulk.desk, bulk.letters) == 1


def test_a_code_that_is_over_is_not_sent_any_more(bulk: Any) -> None:
    bulk.client().post("/bulk/code", data={"mail": MAIL})
    bulk.clock.moment += timedelta(minutes=11)
    assert send_due(bulk.desk, bulk.letters) == 0


def test_the_console_says_that_nothing_is_sent(capsys: Any) -> None:
    ConsoleChannel().send(Message(address=MAIL, subject="验证码", text="12345678\n"))
    said = capsys.readouterr().err
    assert "nothing is sent" in said
    assert "12345678" in said


def test_mail_goes_out_by_smtp() -> None:
    import socketserver
    import threading

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            inside = False
            for raw in self.rfile:
                line = raw.rstrip(b"\r\n")
                verb = line[:4].upper()
                if inside:
                    server.lines.append(line)
                    inside = line != b"."
                    if not inside:
                        self.wfile.write(b"250 taken\r\n")
                elif verb == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                elif verb == b"DATA":
                    inside = True
                    self.wfile.write(b"354 go on\r\n")
                elif verb == b"RCPT" and b"refused" in line:
                    self.wfile.write(b"550 no <refused@example.com>\r\n")
                else:
                    self.wfile.write(b"250 ok\r\n")

    class Server(socketserver.ThreadingTCPServer):
        lines: ClassVar[list[bytes]] = []

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            settings = settings_of(
                {
                    "CERTREG_SMTP_HOST": "127.0.0.1",
                    "CERTREG_SMTP_PORT": str(server.server_address[1]),
                    "CERTREG_SMTP_FROM": "office@example.com",
                }
            )
            assert settings is not None
            channel = SmtpChannel(settings)
            channel.send(Message(address=MAIL, subject="验证码", text="12345678\n"))
            with pytest.raises(NotSent) as refused:
                channel.send(Message(address="refused@example.com", subject="x", text="y\n"))
        finally:
            server.shutdown()
            thread.join()
    assert b"To: hr@example.com" in server.lines
    assert "refused@" not in str(refused.value)


def test_settings_without_a_sender_are_refused() -> None:
    assert settings_of({}) is None
    with pytest.raises(ValueError, match="CERTREG_SMTP_FROM"):
        settings_of({"CERTREG_SMTP_HOST": "mail.example.com"})
