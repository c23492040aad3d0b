"""
What comes in and what goes out: requests, replies, and documents written as JSON or XML.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

__all__ = ["JSON", "XML", "Reply", "Request", "error_document", "rendered"]

JSON = "application/json;charset=utf-8"
XML = "text/xml;charset=utf-8"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """
    One request; header names are in lower case, `query` is what follows the question mark.
    """

    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def query_parameters(self) -> dict[str, str]:
        """
        The decoded parameters of the query string.
        """
        return _decoded(self.query)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """
        The decoded parameters of query and form, merged.
        """
        form = self.headers.get("content-type", "").startswith(FORM)
        body = _decoded(self.body.decode("utf-8", "replace")) if form and self.body else {}
        return {**self.query_parameters, **body}


@dataclass(frozen=True)
class Reply:
    """
    One reply. `delay` is in real seconds; `ending` says how the connection treats it.

    `complete` sends it all, `cut` only half of the body, `lost` nothing, and `reset` resets the
    connection.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float = 0.0
    ending: Literal["complete", "cut", "lost", "reset"] = "complete"


def rendered(document: Mapping[str, Any], content_type: str, root: str) -> bytes:
    """
    Write a document as JSON, or as XML with the given root element.
    """
    if content_type == JSON:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return f"<?xml version='1.0' encoding='UTF-8'?>{_element(root, document)}".encode()


def error_document(code: str, message: str, request_id: str, host: str) -> dict[str, str]:
    """
    Write an error as the platform does (API reference 7.1).
    """
    advice = f"https://api.aliyun.com/troubleshoot?q={code}&product=Vpc&requestId={request_id}"
    return {
        "RequestId": request_id,
        "Message": message,
        "Recommend": advice,
        "HostId": host,
        "Code": code,
    }


def _decoded(encoded: str) -> dict[str, str]:
    return dict(parse_qsl(encoded, keep_blank_values=True, errors="replace"))


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"<{name}>{''.join(_element(key, each) for key, each in value.items())}</{name}>"
    if isinstance(value, list | tuple):
        return "".join(_element(name, each) for each in value)
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return f"<{name}>{escape(_printable(text))}</{name}>"


def _printable(text: str) -> str:
    """
    Replace what XML 1.0 cannot carry.
    """
    return "".join(each if each >= " " or each in "\t\n\r" else "\ufffd" for each in text)
