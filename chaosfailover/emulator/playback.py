"""
Replies that are played back as they are written, such as one that was met in the field.
"""

import base64
import json
import re
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from chaosfailover.emulator.wire import BODILESS, JSON, Reply

__all__ = ["Playback", "playback_from"]

# RFC 9110, 5.1 and 5.5: nothing here can end a line, so a header cannot smuggle in another one.
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"([!-~]([\t -~]*[!-~])?)?")
# RFC 9110, 7.6.1 and 8.6: they frame the connection at hand, so its server writes them.
FRAMING = frozenset(
    {
        *("connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    }
)


@dataclass(frozen=True)
class Playback:
    """
    A reply as a topology or the admin interface writes it.

    `body` is text, sent in UTF-8, or a list or mapping, sent as a JSON document under the
    provider's content type unless `headers` name one. `body_base64` is any bytes instead.
    """

    status: int = 200
    headers: Mapping[str, str | int] = field(default_factory=dict)
    body: Any = None
    body_base64: str | None = None

    def reply(self) -> Reply:
        """
        Return what goes out; TypeError or ValueError for a body that cannot.
        """
        content = self._content()
        headers = {name: str(value) for name, value in self.headers.items()}
        named = {name.lower() for name in headers}
        if isinstance(self.body, Mapping | list) and "content-type" not in named:
            headers["Content-Type"] = JSON
        return Reply(self.status, headers, content)

    def _content(self) -> bytes:
        if self.body_base64 is not None:
            return base64.b64decode(self.body_base64, validate=True)
        if isinstance(self.body, Mapping | list):
            return json.dumps(self.body, ensure_ascii=False, allow_nan=False).encode()
        return (self.body or "").encode()


def playback_from(given: Any) -> Playback:
    """
    Build a playback from what a fault has under `reply`; ValueError says what is wrong.
    """
    for problem in _problems(given):
        raise ValueError(f"reply: {problem}")
    return Playback(**given)


def _problems(given: Any) -> Iterator[str]:
    """
    Yield what keeps a reply from being sent.
    """
    known = [each.name for each in fields(Playback)]
    if not isinstance(given, Mapping):
        yield f"it is {given!r}, expected {', '.join(known)}"
    elif unknown := sorted(str(name) for name in given if name not in known):
        yield f"it has no {unknown}, only {known}"
    else:
        playback = Playback(**given)
        status, headers = playback.status, playback.headers
        if not isinstance(status, int) or not 200 <= status <= 599:
            yield f"status is {status!r}, expected 200 to 599"
        if not isinstance(headers, Mapping):
            yield f"headers are {headers!r}, expected names and values"
        yield from _problems_of_headers(headers)
        yield from _problems_of_body(playback)


def _problems_of_headers(headers: Mapping[Any, Any]) -> Iterator[str]:
    lower = [str(name).lower() for name in headers]
    for name, value in headers.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            yield f"header name {name!r} is not one of HTTP"
        if not isinstance(value, str | int) or not VALUE.fullmatch(str(value)):
            yield f"header {name} is {value!r}, expected one line of ASCII"
        if name.lower() in FRAMING:
            yield f"header {name!r} is written by the server, leave it out"
        if lower.count(name.lower()) > 1:
            yield f"header {name!r} is there twice"


def _problems_of_body(playback: Playback) -> Iterator[str]:
    body, encoded = playback.body, playback.body_base64
    if body is not None and encoded is not None:
        yield "body and body_base64 exclude each other"
    if not isinstance(body, str | Mapping | list | None):
        yield f"body is {body!r}, expected text or a JSON document"
    if not isinstance(encoded, str | None):
        yield f"body_base64 is {encoded!r}, expected text"
    try:
        content = playback.reply().body
    except (TypeError, ValueError) as exc:
        yield f"the body {reprlib.repr(body if encoded is None else encoded)} cannot be sent: {exc}"
    else:
        if content and playback.status in BODILESS:
            yield f"status {playback.status} has no body"
