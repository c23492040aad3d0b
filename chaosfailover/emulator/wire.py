"""
Requests and replies, and their documents as JSON or XML.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import cached_property
from typing import Literal
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from chaosfailover.emulator.error_codes import Refusal
from chaosfailover.emulator.operations.products import PRODUCTS, VPC

__all__ = ["BODILESS", "JSON", "Reply", "Request", "refusal_reply", "success_reply"]

JSON = "application/json;charset=utf-8"
XML = "text/xml;charset=utf-8"
FORM = "application/x-www-form-urlencoded"
BODILESS = frozenset({204, 304})
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

Ending = Literal["complete", "cut", "lost", "reset"]


@dataclass(frozen=True)
class Request:
    """
    One request; header names are in lower case, `query` follows the question mark.
    """

    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def query_pairs(self) -> list[tuple[str, str]]:
        """
        The decoded parameters of the query string, in their order.
        """
        return _decoded(self.query)

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """
        The decoded parameters of query and form; a name of the form hides the query's.
        """
        names = {name for name, _ in self.form_pairs}
        return [pair for pair in self.query_pairs if pair[0] not in names] + self.form_pairs

    @cached_property
    def form_pairs(self) -> list[tuple[str, str]]:
        """
        The decoded parameters of the form body, in their order.
        """
        form = self.headers.get("content-type", "").lower().startswith(FORM)
        return _decoded(self.body.decode("utf-8", "replace")) if form and self.body else []

    @property
    def form_parameters(self) -> dict[str, str]:
        """
        The decoded parameters of the form body alone; the last value of each name.
        """
        return dict(self.form_pairs)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """
        The decoded parameters of query and form; the last value of each name.
        """
        return dict(self.pairs)

    @property
    def operation(self) -> str:
        """
        The name of the operation, which may not exist.
        """
        return self.headers.get("x-acs-action") or self.parameters.get("Action", "")

    @property
    def version(self) -> str:
        """
        The version of the API, by which a product is known.
        """
        return self.headers.get("x-acs-version") or self.parameters.get("Version", "")

    @property
    def wants_json(self) -> bool:
        """
        Whether the reply is JSON: the default with V3 signatures; with V1, Format names it.
        """
        default = "JSON" if "x-acs-action" in self.headers else "XML"
        return self.parameters.get("Format", default).upper() == "JSON"


@dataclass(frozen=True)
class Reply:
    """
    One reply. `delay` is in real seconds. `ending` is how the connection ends it.

    `complete` sends all, `cut` half of the body, `lost` nothing, and `reset` resets the connection.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float = 0.0
    ending: Ending = "complete"

    @property
    def framed_headers(self) -> dict[str, str]:
        """
        The headers with the length of the body, where HTTP has one (RFC 9110, 8.6).
        """
        length = {} if self.status in BODILESS else {"Content-Length": str(len(self.body))}
        return {**self.headers, **length}


def success_reply(document: Mapping[str, object], request: Request, request_id: str) -> Reply:
    """
    Write the reply to a successful call.
    """
    return _reply(200, document, request, request_id, f"{request.operation}Response")


def refusal_reply(refusal: Refusal, request: Request, request_id: str) -> Reply:
    """
    Write the reply to a refused call, as the platform does (API reference 7.1).
    """
    product = PRODUCTS.get(request.version, VPC)
    query = f"q={refusal.code}&product={product.name}&requestId={request_id}"
    document = {
        "RequestId": request_id,
        "Message": refusal.message,
        "Recommend": f"https://api.aliyun.com/troubleshoot?{query}",
        "HostId": request.headers.get("host", ""),
        "Code": refusal.code,
    }
    reply = _reply(refusal.status, document, request, request_id, "Error")
    if refusal.retry_after is None:
        return reply
    after = {"x-acs-retry-after": str(refusal.retry_after)}
    return replace(reply, headers={**reply.headers, **after})


def _reply(
    status: int, document: Mapping[str, object], request: Request, request_id: str, root: str
) -> Reply:
    headers = {
        "Content-Type": JSON if request.wants_json else XML,
        "Date": formatdate(usegmt=True),
        "X-Acs-Request-Id": request_id,
        "X-Acs-Trace-Id": request_id.replace("-", "").lower(),
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "*",
    }
    if request.wants_json:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    else:
        body = f"<?xml version='1.0' encoding='UTF-8'?>{_element(root, document)}"
    return Reply(status, headers, body.encode("utf-8", "replace"))


def _decoded(encoded: str) -> list[tuple[str, str]]:
    return parse_qsl(encoded, keep_blank_values=True, errors="replace")


def _element(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        return f"<{name}>{''.join(_element(key, each) for key, each in value.items())}</{name}>"
    if isinstance(value, list | tuple):
        return "".join(_element(name, each) for each in value)
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return f"<{name}>{escape(_printable(text))}</{name}>"


def _printable(text: str) -> str:
    """
    Replace the characters that XML 1.0 does not allow.
    """
    return NOT_IN_XML.sub("\ufffd", text)
