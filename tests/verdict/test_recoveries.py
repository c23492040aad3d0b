"""
How measured times compare with their objective, as the report shows it.
"""

from typing import Any

import pytest
from made_journals import changed, held, target

from chaosfailover.record import make_record
from chaosfailover.report import render
from chaosfailover.report.charts import rto_bars as recovery_bars


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
    assert "再次中断 5 至 6 秒" in chinese
