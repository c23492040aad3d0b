"""
Canned replies: what the fault `answer` sends in place of the operation's own reply.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from chaosfailover.emulator.schema import Schema, integer, optional, record_of, scalar, table
from chaosfailover.emulator.wire import BODILESS, JSON, Reply

__all__ = ["CannedReply", "canned_reply"]

# RFC 9110, 5.1 and 5.5: no line ends, so that a header cannot smuggle in another header.
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"([!-~]([\t -~]*[!-~])?)?")
# RFC 9110, 7.6.1 and 8.6: they frame the connection, so its server writes them.
FRAMING = frozenset(
    {
        *("connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    }
)


def _headers(value: object, place: str) -> dict[str, str | int]:
    headers = HEADERS(value, place)
    lower = [name.lower() for name in headers]
    for name in headers:
        if not NAME.fullmatch(name):
            raise ValueError(f"{place} has {name!r}, expected the name of an HTTP header")
        if name.lower() in FRAMING:
            raise ValueError(f"{place} has {name!r}, which the server writes; leave it out")
        if lower.count(name.lower()) > 1:
            raise ValueError(f"{place} has {name!r} twice, expected it once")
    return headers


def _header(value: object) -> str | int | None:
    return value if isinstance(value, str | int) and VALUE.fullmatch(str(value)) else None


HEADERS: Schema[dict[str, str | int]] = table(scalar("one line of ASCII", _header))
BODY = scalar(
    "text or a JSON document",
    lambda value: value if isinstance(value, str | Mapping | list) else None,
)
BASE64 = scalar("text", lambda value: value if isinstance(value, str) else None)


@dataclass(frozen=True)
class CannedReply:
    """
    A reply as a topology or the admin interface writes it.

    `body` is text, sent in UTF-8, or a list or mapping, sent as JSON under the provider's content
    type unless `headers` name one. `body_base64` holds bytes instead.
    """

    status: Annotated[int, integer(200, 599)] = 200
    headers: Annotated[Mapping[str, str | int], _headers] = field(default_factory=dict)
    body: Annotated[object, optional(BODY)] = None
    body_base64: Annotated[str | None, optional(BASE64)] = None

    def reply(self) -> Reply:
        """
        Return the reply to send; TypeError or ValueError if the body cannot be sent.
        """
        headers = {name: str(value) for name, value in self.headers.items()}
        named = {name.lower() for name in headers}
        if isinstance(self.body, Mapping | list) and "content-type" not in named:
            headers["Content-Type"] = JSON
        return Reply(self.status, headers, self._content())

    def shown(self) -> dict[str, object]:
        """
        Return the reply as a topology would write it.
        """
        return {name: value for name, value in vars(self).items() if value is not None}

    def _content(self) -> bytes:
        if self.body_base64 is not None:
            return base64.b64decode(self.body_base64, validate=True)
        if isinstance(self.body, Mapping | list):
            return json.dumps(self.body, ensure_ascii=False, allow_nan=False).encode()
        return str(self.body or "").encode()


def canned_reply(value: object, place: str) -> CannedReply:
    """
    Read the `reply` of a fault; ValueError says why it cannot be sent.
    """
    canned = REPLY(value, place)
    if canned.body is not None and canned.body_base64 is not None:
        raise ValueError(f"{place} has body and body_base64, expected one of them")
    try:
        content = canned.reply().body
    except (TypeError, ValueError) as exc:
        raise ValueError(f"{place} has a body that cannot be sent: {exc}") from None
    if content and canned.status in BODILESS:
        raise ValueError(f"{place} has a body, which status {canned.status} cannot have")
    return canned


REPLY = record_of(CannedReply)
