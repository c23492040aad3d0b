"""
What may happen in a run, and what is said of it: never `held` where README does not let it be.
"""

import json
import re
from pathlib import Path

import pytest
from places import DATA
from played_situations import PLAYED, SHOWN_ELSEWHERE, more, play
from situations import SITUATIONS, is_held, journal_of

from chaosfailover.verdict.journal import parse
from chaosfailover.verdict.verdict import judge

EXPECTED = DATA / "situations" / "expected.json"
"""The verdicts and their sentences, written by `write.py` beside it, and read by people."""
NUMBER = re.compile(r"\d[\d.:]*")


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


@pytest.mark.matrix
@pytest.mark.parametrize("name", PLAYED)
def test_situation_in_a_real_run(name: str, tmp_path: Path) -> None:
    """The same is said of a real run, but for its numbers."""
    verdict = play(SITUATIONS[name], tmp_path)["failover"]["verdict"]

    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))[name]
    assert verdict["verdict"] == expected["verdict"]
    said, promised = (
        [NUMBER.sub("#", each) for each in reasons["reasons"]] for reasons in (verdict, expected)
    )
    assert [each for each in said if each not in more(SITUATIONS[name])] == promised


def test_real_run_is_named_that_exists() -> None:
    """What the suite shows with a real run is where the table says."""
    tests = Path(__file__).parents[1]
    for place in SHOWN_ELSEWHERE.values():
        file, _, function = place.partition("::")
        assert f"def {function}(" in (tests / file).read_text(encoding="utf-8")
    assert {*SHOWN_ELSEWHERE, *PLAYED} <= SITUATIONS.keys()
    assert len({*SHOWN_ELSEWHERE, *PLAYED}) >= 40
