"""Sends messages by SMTP (RFC 5321, 3207): from the working process, never from the web process.

Beside `callout`, which posts notices, the one module of the site that opens a connection. TLS is
required unless the server is this machine: a one-time code must not be read on the way.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING, Final

from verify_web.channels import NotSent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from verify_web.channels import Message

TIMEOUT_SECONDS: Final = 20
SUBMISSION_TLS: Final = 465
"""Port on which TLS begins at once (RFC 8314)."""

_LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """A submission server; without `user` nobody signs in there."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        # The password must not reach a log line.
        return f"SmtpSettings(host={self.host!r}, port={self.port})"


def settings_of(environ: Mapping[str, str]) -> SmtpSettings | None:
    """Read `CERTREG_SMTP_HOST`, `_PORT`, `_FROM`, `_USER`, `_PASSWORD`; None where no host is set.

    Raises ValueError for a port that is none, or a missing sender.
    """
    host = environ.get("CERTREG_SMTP_HOST", "")
    if not host:
        return None
    sender = environ.get("CERTREG_SMTP_FROM", "")
    if not sender:
        raise ValueError("CERTREG_SMTP_FROM is not set: whom do the messages come from?")
    return SmtpSettings(
        host=host,
        port=int(environ.get("CERTREG_SMTP_PORT", str(SUBMISSION_TLS))),
        sender=sender,
        user=environ.get("CERTREG_SMTP_USER", ""),
        password=environ.get("CERTREG_SMTP_PASSWORD", ""),
    )


class SmtpChannel:
    """Sends each message over a connection of its own."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    def send(self, message: Message) -> None:
        """Send one message. Raises NotSent."""
        mail = EmailMessage()
        try:
            mail["From"], mail["To"] = self._settings.sender, message.address
            mail["Subject"] = message.subject
            mail.set_content(message.text)
            with self._connect() as server:
                if self._settings.user:
                    server.login(self._settings.user, self._settings.password)
                server.send_message(mail)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            # The server's own words may repeat the address.
            raise NotSent(type(error).__name__) from None

    def _connect(self) -> smtplib.SMTP:
        host, port = self._settings.host, self._settings.port
        # Said, not looked up: this machine's name is nobody's business, and may not resolve.
        own = self._settings.sender.rpartition("@")[2].strip(">")
        context = ssl.create_default_context()
        if port == SUBMISSION_TLS:
            return smtplib.SMTP_SSL(
                host, port, local_hostname=own, timeout=TIMEOUT_SECONDS, context=context
            )
        server = smtplib.SMTP(host, port, local_hostname=own, timeout=TIMEOUT_SECONDS)
        try:
            if host not in _LOCAL:
                server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server
