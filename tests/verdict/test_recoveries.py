"""
How measured times compare with their objective, as the report shows it.
"""

from typing import Any

import pytest
from made_journals import changed, held, target

from chaosfailover.record import make_record
from chaosfailover.report import render
from chaosfailover.report.charts import rto_bars as recovery_bars
from chaosfailover.verdict.verdict import judge


def gauge(journal: dict[str, Any]) -> tuple[str, tuple[float, float]]:
    """Return how the only recovery of a run compares, and the failover time that is shown."""
    (found,) = recovery_bars.gauges(make_record(journal))
    shown = found.recovery["failover"]
    return found.state, (shown["at_least"], shown["at_most"])


def cut(**lengths: Any) -> dict[str, Any]:
    """Return the run that held with another measurement of its cut."""
    measured = held()["failover"]["targets"]["portal"]["cuts"][0]
    return changed(held(), ("failover.targets.portal.cuts", [{**measured, **lengths}]))


NO_LOSS = {"failover": None, "worst_during": None}


@pytest.mark.parametrize(
    ("journal", "expected"),
    [
        pytest.param(held(), ("within", (0.8, 1.0)), id="within"),
        pytest.param(cut(**NO_LOSS), ("no_loss", (0.0, 0.1)), id="less than the interval"),
        pytest.param(
            cut(**NO_LOSS, settled=False), ("open", (0.0, None)), id="the stop came too soon"
        ),
        pytest.param(
            cut(**NO_LOSS, unseen_during=2.5), ("within", (0.0, 2.5)), id="a gap is no success"
        ),
        pytest.param(
            cut(**NO_LOSS, unseen_during=3.5), ("unseen", (0.0, 3.5)), id="too long a gap"
        ),
        pytest.param(
            cut(worst_during={"at_least": 5.0, "at_most": 6.0}),
            ("again", (0.8, 1.0)),
            id="down again",
        ),
        pytest.param(
            cut(reversion={"at_least": 5.0, "at_most": 6.0}),
            ("back", (0.8, 1.0)),
            id="down on the way back",
        ),
        pytest.param(
            changed(held(), ("status", "interrupted")),
            ("unproven", (0.8, 1.0)),
            id="an interrupted run is within nothing",
        ),
    ],
)
def test_recovery_compares_with_its_objective(
    journal: dict[str, Any], expected: tuple[str, tuple[float, float]]
) -> None:
    """Green is only what was measured throughout, and nothing else stayed below the objective."""
    assert gauge(journal) == expected


def test_longest_of_several_without_an_end() -> None:
    """It is the one that was seen to last longest, whatever run it is of."""
    longer, shorter = (
        cut(worst_during=None, open_at_stop={"at_least": seen, "at_most": seen + 0.2})
        for seen in (9.2, 0.7)
    )

    for journals in ([longer, shorter], [shorter, longer]):
        found = recovery_bars.worst(
            [each for journal in journals for each in recovery_bars.gauges(make_record(journal))]
        )
        assert found
        assert found.recovery["failover"] == {"at_least": 9.2, "at_most": None}


def test_failover_that_the_stop_cut_short_has_no_end() -> None:
    """The path came back since the test was stopped; how long it would have taken nobody knows."""
    outage = {"since": [12.0, 12.1], "until": [20.9, 21.0], "at_least": 8.8, "at_most": 9.0}
    told = {"at_least": 8.8, "at_most": 9.0}
    journal = changed(
        held(), ("failover.targets", {"portal": target(outages=[outage], failover=told)})
    )

    record = make_record(journal)
    page = render([journal], "markdown")

    (found,) = record["recoveries"]
    assert found["failover"] == {"at_least": 7.9, "at_most": None}
    assert "7.9 s \u2013 \u221e" in page
    assert "8.8" not in page.partition("## Outages")[0]


def test_report_does_not_believe_a_mild_verdict() -> None:
    """Every format says what the journal deserves, and that the journal says otherwise."""
    deviated = cut(worst_during={"at_least": 5.0, "at_most": 6.0})
    journal = changed(deviated, ("failover.verdict", {"verdict": "held", "reasons": ["ok"]}))

    english, chinese = (render([journal], "markdown", language) for language in ("en", "zh"))

    assert "**deviated**" in english
    assert "The stored verdict “held”" in english
    assert "已存的结论“成立”" in chinese
    assert "再次中断 5 至 6 s" in chinese


def row(since: float, until: float) -> dict[str, Any]:
    """Return an outage whose first and last lost check lie so."""
    bounds = {"at_least": until - since, "at_most": until - since + 0.2}
    return {"since": [since - 0.1, since], "until": [until, until + 0.1], **bounds}


def with_losses(*losses: tuple[float, float]) -> dict[str, Any]:
    """Return the run that held with losses, of which the first is the failover time."""
    rows = [row(*loss) for loss in losses]
    failover = {key: rows[0][key] for key in ("at_least", "at_most")}
    measured = target(outages=rows, failover=failover)
    return changed(held(), ("failover.targets", {"portal": measured}))


def test_failover_time_ends_though_a_later_loss_is_open() -> None:
    """What had settled is as long as it was; only what the stop found open has no end."""
    journal = with_losses((10.4, 11.0), (18.0, 18.5))

    (found,) = make_record(journal)["recoveries"]

    assert found["failover"] == pytest.approx({"at_least": 0.6, "at_most": 0.8})
    assert found["open_at_stop"] == pytest.approx({"at_least": 0.5, "at_most": 0.7})
    assert (found["settled"], found["exceeded"]) == (False, False)


def test_failover_that_was_too_long_is_so_though_a_later_loss_is_open() -> None:
    """The first loss had settled, and its length counts."""
    verdict = judge(with_losses((10.1, 13.3), (18.7, 19.0)))

    assert verdict.reasons == (
        "portal was down for up to 3.4 s after the cut of drill, longer than its RTO of 3 s.",
    )


def test_what_is_too_long_is_not_said_to_be_unseen_as_well() -> None:
    """Nor that it had not settled: one reason tells it all."""
    too_long = {"at_least": 5.0, "at_most": 6.0}

    for exceeded in ({"failover": too_long}, {"worst_during": too_long}):
        verdict = judge(cut(**exceeded, unseen_during=4.0, settled=False))

        assert (verdict.verdict, len(verdict.reasons)) == ("deviated", 1)


def test_short_gap_is_no_longer_than_it_is() -> None:
    assert gauge(cut(**NO_LOSS, unseen_during=0.5)) == ("within", (0.0, 0.5))
