"""
Canonical JSON is what RFC 8785 says, to the byte.
"""

import math
import struct
from hashlib import sha256

import pytest

from chaosfailover.record.digest import digest, plain

# RFC 8785, appendix B: the bits of a number and how it is written
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "written"), NUMBERS)
def test_number(bits: str, written: str) -> None:
    """A float is written with the digits and the exponent of ECMAScript."""
    (value,) = struct.unpack(">d", bytes.fromhex(bits))

    assert digest({"x": value}) == sha256(f'{{"x":{written}}}'.encode()).hexdigest()


def test_document() -> None:
    """Keys are sorted by UTF-16, nothing is spaced, and only what must be is escaped."""
    document = {
        "\u20ac": 1,
        "\ufb33": 2,
        "\U0001f600": 3,
        "a": ["\u20ac$\x0f\nA'B\"\\", None, True],
    }

    expected = (
        '{"a":["\u20ac$\\u000f\\nA\'B\\"\\\\",null,true],"\u20ac":1,"\U0001f600":3,"\ufb33":2}'
    )
    assert digest(document) == sha256(expected.encode()).hexdigest()


def test_digest_is_of_the_canonical_form() -> None:
    """The order of keys does not matter; `printf '{"a":1,"b":2}' | sha256sum` gives the same."""
    actual = digest({"b": 2, "a": 1})

    assert actual == digest({"a": 1, "b": 2})
    assert actual == "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(math.inf, None, id="infinity"),
        pytest.param(math.nan, None, id="nan"),
        pytest.param(2**53, str(2**53), id="an integer that others round"),
        pytest.param(2**53 - 1, 2**53 - 1, id="the largest integer that nobody rounds"),
        pytest.param("\ud800", "?", id="a lone surrogate"),
        pytest.param((1, 2), [1, 2], id="a tuple"),
        pytest.param({1: {2}}, {"1": "{2}"}, id="a key and a value that JSON has not"),
    ],
)
def test_plain(value: object, expected: object) -> None:
    """What JSON cannot hold becomes something that it can, and that reads back equal."""
    assert plain(value) == expected
