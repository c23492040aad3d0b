"""
The way to each target in the record, from the events of a run.
"""

from operator import itemgetter
from typing import Any

import pytest
from made_journals import at, changed, event, held

from chaosfailover.i18n import CATALOGUES
from chaosfailover.record import make_record
from chaosfailover.record.digest import misfit
from chaosfailover.report import render

Document = dict[str, Any]


def path(seconds: float, phase: str, *hops: str | None, **more: object) -> Document:
    fields = {
        "target": "portal",
        "test": "" if phase == "before" else "cut",
        "phase": phase,
        "hops": [*hops],
        "reached": bool(hops),
    }
    return event(seconds, "path", **{**fields, **more})


def journal(*events: Document) -> Document:
    every = sorted([*held()["failover"]["events"], *events], key=itemgetter("at"))
    return changed(held(), ("failover.events", every))


def rows(*events: Document) -> list[Document]:
    record = make_record(journal(*events))
    assert misfit(record) == ""
    paths: list[Document] = record["paths"]
    return paths


def test_run_without_traces_has_no_paths() -> None:
    assert rows() == []


def test_last_way_of_each_phase_counts() -> None:
    """What the cut let the traffic take first is not what it settled on."""
    (row,) = rows(
        path(5, "before", "r1", "a", "t"),
        path(10.5, "during", "r1", "a", "t"),
        path(11, "during"),
        path(14, "during", "r1", "b", "t"),
        path(31, "after", "r1", "b", "t"),
        path(33, "after", "r1", "a", "t"),
    )

    assert {key: row[key] for key in ("target", "test", "moved", "reason")} == {
        "target": "portal",
        "test": "cut",
        "moved": True,
        "reason": None,
    }
    assert [row[phase]["hops"][1] for phase in ("before", "during", "after")] == ["a", "b", "a"]
    assert row["during"]["at"] == at(14).replace("+00:00", ".000000Z")


def test_what_was_after_a_cut_is_before_the_next() -> None:
    found = rows(
        path(5, "before", "r1", "t"),
        path(12, "during", "r2", "t"),
        path(31, "after", "r3", "t"),
        path(42, "during", "r4", "t", test="second"),
    )

    assert [(row["test"], row["before"]["hops"][0], row["during"]["hops"][0]) for row in found] == [
        ("cut", "r1", "r2"),
        ("second", "r3", "r4"),
    ]


def test_run_without_a_cut_has_the_way_before_it() -> None:
    (row,) = rows(path(5, "before", "r1", "t"))

    assert (row["test"], row["before"]["hops"], row["during"], row["moved"]) == (
        None,
        ["r1", "t"],
        None,
        None,
    )


def test_hops_that_are_not_available_have_a_reason() -> None:
    (row,) = rows(event(1, "path", target="portal", reason="not on this system"))

    assert (row["before"], row["moved"], row["reason"]) == (None, None, "not on this system")


@pytest.mark.parametrize(
    ("before", "during", "moved"),
    [
        pytest.param(("r1", "a", "t"), ("r1", "b", "t"), True, id="another router"),
        pytest.param(("r1", "a", "t"), ("r1", "a", "t"), False, id="the same"),
        pytest.param(("r1", None, "t"), ("r1", "b", "t"), None, id="silent before"),
        pytest.param(("r1", "a", "t"), ("r1", None, "t"), None, id="silent during"),
        pytest.param((None, "a", "t"), (None, "b", "t"), True, id="seen to differ at one hop"),
        pytest.param(("r1", "t"), ("r1", "a", "t"), True, id="longer, seen where the target was"),
        pytest.param(("r1", "t"), ("r1", None, "t"), None, id="longer, silent where it was"),
        pytest.param(("t",), ("t",), None, id="no router between"),
        pytest.param(("r1", "a", "t"), (), None, id="not reached"),
        pytest.param((), ("r1", "b", "t"), None, id="not reached before"),
    ],
)
def test_only_what_was_seen_in_both_proves_anything(
    before: tuple[str | None, ...], during: tuple[str | None, ...], *, moved: bool | None
) -> None:
    (row,) = rows(path(5, "before", *before), path(12, "during", *during))

    assert row["moved"] is moved


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("form", ["html", "markdown"])
def test_pages_say_every_result_in_words(form: str, language: str) -> None:
    page = render(
        [
            journal(
                path(5, "before", "r1", "a", "t"),
                path(12, "during", "r1", "b", "t"),
                path(5, "before", "r1", "t", target="same"),
                path(12, "during", "r1", "t", target="same"),
                path(12, "during", target="lost"),
                event(1, "path", target="ping", reason="no port"),
            )
        ],
        form,
        language,
    )

    assert "r1, b, t" in page
    assert [key for key in CATALOGUES[language] if key.startswith("path.")] == [
        key
        for key, words in CATALOGUES[language].items()
        if key.startswith("path.") and words in page
    ]


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", r"| 10\.0.0.1, \*, 10.1.0.5 | 10\.0.0.2, 10.1.0.5 | not seen | another way |"),
        ("zh", r"| 10\.0.0.1, \*, 10.1.0.5 | 10\.0.0.2, 10.1.0.5 | 未观测到 | 走了另一条路径 |"),
    ],
)
def test_markdown_has_a_row_for_each_target(language: str, line: str) -> None:
    events = [
        path(5, "before", "10.0.0.1", None, "10.1.0.5"),
        path(12, "during", "10.0.0.2", "10.1.0.5"),
        event(1, "path", target="ping", reason="no port"),
    ]
    page = render([journal(*events)], "markdown", language)

    assert line in page.replace("\u2068", "").replace("\u2069", "")
    assert page.count("no port") == 1
    table = [row for row in page.splitlines() if row.startswith("|") and row.count("|") > 5]
    assert {row.count("|") for row in table} == {7}


@pytest.mark.parametrize(
    "odd",
    [{"hops": 7}, {"hops": [7, None, {}]}, {"reached": "yes"}, {"phase": []}, {"target": None}],
)
def test_odd_events_are_no_ways(odd: Document) -> None:
    """What has the wrong shape proves nothing, and the record is still one."""
    found = rows(path(5, "before", "r1", "a", "t"), {**path(12, "during", "r1", "b", "t"), **odd})

    assert [row["moved"] for row in found if row["target"] == "portal"] == [None]
