"""
Whatever the secrets of a run are, its verdict is that of its evidence, and they are not shown.
"""

import json
import logging
from collections.abc import Iterable
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_journals import activity, changed, event, held, target, without
from recorded_journals import RECORDED, load
from secretive_journals import leaves, secretive, ways_to_write

from chaosfailover.record import make_record, read_evidence
from chaosfailover.record.occurrences import HIDDEN, hide, needles
from chaosfailover.record.redaction import (
    READ,
    STATUSES,
    LogRedaction,
    named_values,
    redact_fragment,
)
from chaosfailover.report.view import make_view
from chaosfailover.run.finish import conclude
from chaosfailover.run.settings import Settings
from chaosfailover.safety.alarm import alarm
from chaosfailover.safety.guarded_test import StopOutcome
from chaosfailover.verdict.journal import instant
from chaosfailover.verdict.verdict import VERDICTS, judge

Journal = dict[str, Any]


def not_back() -> Journal:
    """Return a run after which a circuit could not be read, and a session was not as before."""
    journal = without(held(), "back")
    unread = event(
        25, "resource", resource_id="pc-a", resource_type="PHYSICALCONNECTION", status="unknown"
    )
    stop = {
        "test": "drill",
        "job_id": "ftj-1",
        "status": "Stopped",
        "stopped": True,
        "reason": "it is Stopped",
        "back": False,
        "not_back": [
            "pc-a is of unknown status, not Enabled since 12:00:12 UTC",
            "bgp-a is Available and Active, not Available and Established since 12:00:12 UTC",
        ],
    }
    events = [*journal["failover"]["events"], unread]
    rollback = {**journal["rollbacks"][0], "output": stop}
    return changed(
        journal,
        ("failover.events", events),
        ("failover.stopped", [stop]),
        ("rollbacks", [rollback]),
    )


MISSED = changed(
    activity("look", 13, 14, kind="probe", func="longest_outage", tolerance_met=False),
    ("activity.tolerance", "Up"),
)
JOURNALS = [
    held(),
    changed(held(), ("failover.targets.portal.rto", 0.5)),
    without(held(), "status"),
    without(held(), "resource", "target"),
    changed(held(), ("failover.targets", {"portal": target(), "portal-2": target()})),
    changed(
        held(), ("failover.events", [*held()["failover"]["events"], event(13, "abort", reason="x")])
    ),
    not_back(),
    changed(held(), ("run", [*held()["run"], MISSED])),
]
WORDS = sorted(
    {
        str(leaf)
        for journal in [*JOURNALS, *map(load, RECORDED[:2])]
        for _, leaf in [*leaves(journal), *leaves(make_record(journal))]
    }
    | STATUSES
    | {"portal-", "drill", "held", "aborted", "targets", "2026-11", "+00:00", "timeout"}
)
HARD = st.text(
    st.sampled_from("ab %/+=&!$\\\"'\n\u00e9\u4e2d\U0001f600<>{}[]#?:@,;~`^|"), min_size=6
)
SECRETS = st.sampled_from(WORDS) | HARD | st.text(min_size=6, max_size=40)


def concluded(journal: Journal, *secrets: str) -> Journal:
    """Return a journal as a run with secrets writes it."""
    copy = deepcopy(journal)
    conclude(copy, Settings(), secrets)
    written: Journal = json.loads(json.dumps(copy))
    return written


def check(journal: Journal, secret: str) -> None:
    """Check the verdict and the secrecy of a run."""
    whole = secretive(journal, secret)
    written = concluded(whole, secret)

    view = make_view(written, "en")
    assert view.verdict == judge(whole).verdict == written["failover"]["verdict"]["verdict"]
    assert view.sound
    assert not any("looks like secrets" in notice for notice in view.notices)
    entry = {key: written["failover"][key] for key in written["failover"].keys() - STORED}
    assert judge({**written, "failover": entry}).verdict == view.verdict
    evidence = in_fragments(whole, secret)
    assert judge(evidence).verdict == view.verdict
    if len(secret.strip()) >= 6:
        shown = leaves([written, view.reasons, evidence])
        _check_secrecy(JOURNALS.index(journal), secret, shown)


def in_fragments(journal: Journal, secret: str) -> Journal:
    """Return a journal as its evidence file holds it, whose lines are redacted one by one."""
    secrets = {secret, *named_values(journal["failover"].get("configuration"))}
    entry = journal["failover"]
    lists = ("events", "stopped")
    first = {key: value for key, value in journal.items() if key not in ("failover", *PARTS)}
    fragments: list[Journal] = [
        first,
        {"failover": {key: value for key, value in entry.items() if key not in lists}},
        *({part: [run]} for part in PARTS for run in journal.get(part, [])),
        *({"failover": {key: [row]}} for key in lists for row in entry.get(key, [])),
    ]
    known: dict[str, dict[str, Any]] = {"failover": {}}
    lines: list[Journal] = [
        {"journal": redact_fragment(each, secrets, known)} for each in fragments
    ]
    content = "".join(json.dumps(line) + "\n" for line in [*lines, {"end": True}])
    read: Journal = read_evidence(content.encode()).journal
    del read["failover"]["evidence"]  # nothing is sealed here
    read["failover"]["targets"] = lines[1]["journal"]["failover"].get("targets", {})
    return read


PARTS = ("run", "rollbacks")


STORED = {"verdict", "record"}
RESULTS = {*VERDICTS, *STORED, *READ, "completed", "failed", "interrupted", "succeeded"}


def _check_secrecy(journal: int, secret: str, shown: Iterable[tuple[bool, object]]) -> None:
    """What still holds a secret is a key, a number, a status, an instant or a name of ours."""
    forms = [form for form in ways_to_write(secret) if len(form) >= 6 and form.strip("x*")]
    for _, leaf in shown:
        if isinstance(leaf, str) and any(form in leaf for form in forms):
            assert leaf in _ours(journal) or instant(leaf)


@cache
def _ours(journal: int) -> set[str]:
    """Return the keys, numbers, statuses and names of a journal and its record."""
    plain = secretive(JOURNALS[journal], "another")
    documents = [plain, make_record(JOURNALS[journal]), concluded(plain, "another")]
    return {str(leaf) for _, leaf in leaves(documents)} | STATUSES | RESULTS


EACH = pytest.mark.parametrize("journal", JOURNALS, ids=range(len(JOURNALS)))


@pytest.mark.long
@pytest.mark.sample(2)
@EACH
@settings(max_examples=22, deadline=None)
@given(secret=SECRETS)
def test_verdict_is_that_of_the_evidence(journal: Journal, secret: str) -> None:
    """150 secrets: random ones, and words that are also keys, statuses, numbers, names of ours."""
    check(journal, secret)


@pytest.mark.matrix
@pytest.mark.long
@EACH
@settings(max_examples=72, deadline=None)
@given(secret=SECRETS)
def test_verdict_is_that_of_the_evidence_for_more(journal: Journal, secret: str) -> None:
    """The same with 500, on one Python."""
    check(journal, secret)


@pytest.mark.matrix
@EACH
@settings(max_examples=834, deadline=None)
@given(secret=SECRETS)
def test_verdict_is_that_of_the_evidence_at_length(journal: Journal, secret: str) -> None:
    """The same with 5,000."""
    check(journal, secret)


@pytest.mark.parametrize(
    "secret",
    ["a%b c/d+e=f&g!h$i", "p%41+\u00e9&%20", 'q"uo\\te\n\U0001f600', "plain-word-1", "\u4e2d" * 6],
)
def test_secret_is_found_however_it_is_written(secret: str) -> None:
    """No more than the secret is hidden; of Base64 the whole word is."""
    for written in ways_to_write(secret):
        shown = hide(f"see [{written}] there", needles([secret]))

        assert HIDDEN in shown
        assert shown.startswith("see [")
        assert shown.endswith("] there")
        assert len(shown) <= len('see ["{\\\\"t\\\\": \\\\"***\\\\"}"] there')


@pytest.mark.parametrize(
    "text", ["%", "%4", "\\", "\\u12", "\\U0011ffff", "=" * 9, "A" * 9, "%25" * 5000]
)
def test_what_only_looks_encoded_stays(text: str) -> None:
    """Damaged and endless encodings are texts like any other."""
    assert hide(text, needles(["some secret"])) == text


@pytest.mark.parametrize("secret", ["Enabled", "Established", "unknown", "12:00:12", "12 UTC"])
def test_what_is_not_back_is_told_whatever_the_secrets(secret: str) -> None:
    """Names, statuses and times stay in its sentences, and in the events; a secret goes."""
    journal = not_back()
    told = journal["failover"]["stopped"][0]["not_back"]
    told += [f"pc-a is hunter22/{secret} and {secret}-hunter22"]

    written = concluded(journal, secret, "hunter22")["failover"]

    shown = [*told[:2], "pc-a is ***/*** and ***-***"]
    assert written["events"] == journal["failover"]["events"]
    assert written["stopped"][0]["not_back"] == shown
    assert written["verdict"]["reasons"] == [f"What drill took is not back: {'; '.join(shown)}."]


@pytest.mark.parametrize("secret", ["drill-1", "cn-hangzhou", "ftj-000001", "pc-a-1234", "Enabled"])
def test_alarms_are_whole_whatever_the_secrets(
    secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator acts by them; what is neither a name, a status nor a time is hidden."""
    told = "pc-a-1234 is Terminated, not Enabled since 12:00:12 UTC"
    ended = StopOutcome("drill-1", "ftj-000001", "Stopped", "", back=False, not_back=(told,))
    running = StopOutcome("drill-1", "ftj-000001", "Testing", "", error="hunter22 is wrong")
    names = ["drill-1", "cn-hangzhou", "ftj-000001", "pc-a-1234"]
    redaction = LogRedaction([secret, "hunter22"], lambda: names)
    logger = logging.getLogger("chaostoolkit")
    logger.addFilter(redaction)

    alarm([ended, running], "cn-hangzhou")

    logger.removeFilter(redaction)
    assert caplog.messages == [
        (
            f"NOT BACK: drill-1 (ftj-000001) is Stopped, but {told}. To see it: chaos "
            "failover status --region cn-hangzhou, and the console; if it stays so, "
            "ask Alibaba Cloud's support"
        ),
        (
            "A FAILOVER TEST MAY STILL BE RUNNING: drill-1: *** is wrong. "
            "To stop it: chaos failover stop ftj-000001 --region cn-hangzhou"
        ),
    ]


def test_logs_show_no_secret_and_every_name() -> None:
    """The name of a test is logged as it is, since an operator has to stop it by its name."""
    redaction = LogRedaction(["hunter22", "drill-1"], lambda: ["drill-1"])
    error = ValueError("hunter22 is wrong")
    failed = (ValueError, error, None)
    logged = [
        ("%s: %s, %d", ("drill-1", ValueError("hunter22"), 5), None, "drill-1: ***, 5"),
        ("of drill-1 and hunter22", (), failed, "of *** and ***"),
        ("%(a)s", ({"a": "hunter22"},), None, "***"),
    ]

    for message, args, exc_info, shown in logged:
        record = logging.LogRecord("n", logging.INFO, "f", 1, message, args, exc_info)
        assert redaction.filter(record)
        assert record.getMessage() == shown
        assert "hunter22" not in str(record.exc_text)
