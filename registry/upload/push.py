"""The network to the provincial centre: one HTTP(S) request at a time, whole or not at all.

The only file of this room that opens a connection. A certificate that does not hold, a reset, a
time limit and a body cut off are all the same: `Unreachable`, nothing is believed. Redirects are
not followed: a signed request goes where its signature says, or nowhere.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from registry.upload.asking import Raw, Unreachable

TIMEOUT: Final = 60.0
"""Seconds that the centre may take for an answer; it judges a large package in less."""

LONGEST_ANSWER: Final = 16 << 20
"""Bytes of an answer that are read; a receipt has at most half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTransport:
    """A way to the centre at ``url`` (http or https), a new connection for each request."""

    url: str
    timeout: float = TIMEOUT

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Raw:
        """Send one request and read the whole answer. Raises ``Unreachable``."""
        connection = self._connect()
        try:
            connection.request(method, target, body=body or None, headers=dict(headers))
            answer = connection.getresponse()
            data = answer.read(LONGEST_ANSWER + 1)
            # `read` with a limit gives what there is of a body that was cut off.
            found = {name.lower(): value for name, value in answer.getheaders()}
            # Of a body that ends with the connection nobody knows that it is whole.
            ends = "content-length" in found or "transfer-encoding" in found
            bare = method == "HEAD" or answer.status == http.HTTPStatus.NO_CONTENT
            if len(data) > LONGEST_ANSWER or (answer.length or 0) > 0 or not (ends or bare):
                raise Unreachable
        except (OSError, http.client.HTTPException) as fault:
            raise Unreachable(type(fault).__name__) from None
        finally:
            connection.close()
        return Raw(status=answer.status, headers=found, body=data)

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self.timeout, context=context)
        return http.client.HTTPConnection(host, port, timeout=self.timeout)
