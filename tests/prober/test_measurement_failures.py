"""
The words for why a target cannot be watched: it sent nothing, or another answer than expected.
"""

import pytest

from chaosfailover.prober.measurement import failure


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (["refused"], "does not answer: refused"),
        (["body-mismatch"], "answers, but not as expected: body-mismatch"),
        (["http-401"], "answers, but not as expected: http-401"),
        (["mismatch", "timeout"], "does not answer: mismatch, timeout"),
        (
            ["tls"],
            "does not answer: tls (expected TLS with a trusted certificate; is http:// meant?)",
        ),
        ([], "does not answer: unknown reason"),
    ],
)
def test_failure_says_whether_the_target_answered(errors: list[str], expected: str) -> None:
    assert failure(errors) == expected
