"""
The alarms at the end of a run, as they are told.
"""

import logging

import pytest

from chaosfailover.safety.alarm import alarm
from chaosfailover.safety.guarded_test import StopOutcome


@pytest.mark.parametrize(
    ("test", "job_id", "named"),
    [
        pytest.param("drill", "ftj-1", "drill (ftj-1)", id="our name"),
        pytest.param("ftj-1", "ftj-1", "ftj-1", id="no name of ours"),
        pytest.param("drill", "", "drill", id="no job"),
    ],
)
def test_what_is_not_back_is_named_once(
    caplog: pytest.LogCaptureFixture, test: str, job_id: str, named: str
) -> None:
    outcome = StopOutcome(
        test,
        job_id,
        "Stopped",
        "it is Stopped",
        stopped=True,
        back=False,
        not_back=("pc-a is down",),
    )
    with caplog.at_level(logging.CRITICAL, "chaostoolkit"):
        left = alarm([outcome], "cn-hangzhou")

    assert left
    assert caplog.messages[0].startswith(f"NOT BACK: {named} is Stopped, but pc-a is down. ")
