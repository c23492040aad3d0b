"""
A session that may not begin has opened nothing, and one that was not ended is loud about it.
"""

from typing import Any

import pytest

from chaosfailover.errors import ConfigurationError
from chaosfailover.session import Session
from chaosfailover.settings import Settings

Configuration = dict[str, Any]


def session_of(configuration: Configuration, **experiment: Any) -> Session:
    return Session(Settings(), {"title": "t", "method": [], **experiment}, configuration, {})


@pytest.mark.parametrize("endpoint", [{}, {"alibaba_cloud_vpc_endpoint": ""}])
def test_run_that_does_not_say_where_it_takes_place(endpoint: Configuration) -> None:
    """It is not taken for a live one."""
    session = session_of({"alibaba_cloud_region_id": "cn-hangzhou", **endpoint})

    with pytest.raises(ConfigurationError, match="set it to 'emulator' for a rehearsal"):
        session.begin()

    session.close()
