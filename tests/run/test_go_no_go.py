"""
An operator is asked where there is one.
"""

import sys

import pytest

from chaosfailover.run.go_no_go import ask_for_confirmation
from chaosfailover.safety.cut import Cut


def test_closed_input_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A service without standard input is told so, as one whose input is a file."""
    monkeypatch.setattr(sys, "stdin", None)

    ask_for_confirmation([Cut("drill", ("pc-a",), "PHYSICALCONNECTION", 5)])

    assert "There is no terminal, so no confirmation is asked for" in caplog.text
