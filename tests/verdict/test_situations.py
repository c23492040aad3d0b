"""
What may happen in a run, and what is said of it: never `held` where README does not let it be.
"""

import json

import pytest
from places import DATA
from situations import SITUATIONS, is_held, journal_of

from chaosfailover.verdict.journal import parse
from chaosfailover.verdict.verdict import judge

EXPECTED = DATA / "situations" / "expected.json"
"""The verdicts and their sentences, written by `write.py` beside it, and read by people."""


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(name: str) -> None:
    """The verdict and every sentence are those that were reviewed, and `held` is what README is."""
    situation = SITUATIONS[name]
    journal = journal_of(situation)

    verdict = judge(journal)

    assert parse(journal).damage == []
    assert verdict.as_dict() == json.loads(EXPECTED.read_text(encoding="utf-8"))[name]
    assert (verdict.verdict == "held") is is_held(situation)


def test_every_situation_is_expected() -> None:
    """The file has those of the table and no other."""
    assert list(json.loads(EXPECTED.read_text(encoding="utf-8"))) == list(SITUATIONS)
