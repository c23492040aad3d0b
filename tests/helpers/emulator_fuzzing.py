"""
Malformed and half-formed requests, for fuzzing.
"""

from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from chaosfailover.emulator.operations.table import OPERATIONS
from chaosfailover.emulator.wire import Request

__all__ = ["admin_requests", "half_formed", "malformed"]

METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"])
WORDS = st.sampled_from(
    [
        *("", "0", "-1", "1", "60", "9" * 30, "1.5", "true", "True", "\x00", "\ud7ff", "٣"),
        *("PHYSICALCONNECTION", "BGPPEER", "StartNow", "StartLater", "Init", "cn-hangzhou"),
        *("pc-rehearsal-a", "vbr-rehearsal-a", "bgp-rehearsal-a", "ftj-x", "http://x"),
    ]
)
VALUES = st.one_of(WORDS, st.text(max_size=40), st.integers().map(str))
NAMES = st.sampled_from(
    [
        *sorted({each.name for row in OPERATIONS.values() for each in row.parameters}),
        *("Format", "Signature", "Timestamp", "SignatureNonce", "AccessKeyId", "Version", "Action"),
        *("ResourceId.1", "ResourceId.2", "ResourceId.0", "ResourceId.99999", "ResourceId.x"),
        *("Filter.1.Key", "Filter.1.Value.1", "Filter.2.Key", "Filter.1", "Filter.9999.Key"),
        *("Tags.1.Key", "Tags.1.Value", "Tags.21.Key"),
    ]
)
PARAMETERS = st.dictionaries(st.one_of(NAMES, st.text(max_size=10)), VALUES, max_size=12)
HEADER_VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("authorization", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"),
            *("x-acs-security-token", "host", "content-type", "accept", "x-acs-version"),
        ]
    ),
    st.one_of(
        HEADER_VALUES,
        st.just("application/x-www-form-urlencoded"),
        st.just("ACS3-HMAC-SHA256 Credential=emulator,SignedHeaders=host,Signature=00"),
    ),
    max_size=6,
)


@st.composite
def half_formed(draw: st.DrawFn) -> Request:
    """
    Draw a request for a real operation with parameters that may be anything.
    """
    parameters = urlencode(draw(PARAMETERS), errors="replace")
    in_form = draw(st.booleans())
    operation = draw(st.sampled_from(sorted(OPERATIONS)))
    headers: dict[str, str] = {
        **draw(HEADERS),
        "x-acs-action": operation,
        "x-acs-version": OPERATIONS[operation].product.version,
        **({"content-type": "application/x-www-form-urlencoded"} if in_form else {}),
    }
    method = draw(st.sampled_from(["GET", "POST"]))
    if in_form:
        return Request(method, "/", "", headers, parameters.encode())
    return Request(method, "/", parameters, headers, draw(st.binary(max_size=20)))


@st.composite
def malformed(draw: st.DrawFn) -> Request:
    """
    Draw a request that is nonsense all through.
    """
    path = "/" + quote(draw(st.one_of(st.just(""), st.text(max_size=20))))
    query = draw(st.one_of(st.text("&=%+;.abcAZ09\x7f", max_size=60), PARAMETERS.map(urlencode)))
    return Request(draw(METHODS), path, query, draw(HEADERS), draw(st.binary(max_size=60)))


@st.composite
def admin_requests(draw: st.DrawFn) -> Request:
    """
    Draw a request to the admin interface.
    """
    names = ["state", "clock", "faults", "requests", "resources/pc-rehearsal-a", "nothing", ""]
    content: Any = draw(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [
                    *(b'{"advance": 1e400}', b'{"advance": "x"}', b'{"advance": NaN}', b"[[]]"),
                    *(b'{"fault": "slow", "seconds": "x"}', b'{"fault": ["slow"]}', b"null"),
                    *(b'{"fault": "refuse", "code": []}', b'{"Status": {}}', b'{"Tags": 7}'),
                    *(b'{"fault": "answer"}', b'{"fault": "answer", "reply": [[]]}'),
                    b'{"fault": "answer", "reply": {"headers": {"a": "b\\r\\nc: d"}}}',
                    b'{"fault": "answer", "reply": {"status": null, "body": "\\ud800"}}',
                ]
            ),
        )
    )
    return Request(draw(METHODS), f"/_emulator/{draw(st.sampled_from(names))}", "", {}, content)
