"""
A cut of circuit a on an emulator while a prober checks its services.
"""

import time
from collections.abc import Collection

import httpx
from emulator_callers import CREATE, flattened

from chaosfailover.emulator import Emulator
from chaosfailover.outages.measured import CutWindow
from chaosfailover.prober.prober import Prober

__all__ = ["measured_drill"]

PATIENCE = 20.0
PAUSE = 1.5


def measured_drill(
    emulator: Emulator, prober: Prober, services: Collection[str], baseline: float
) -> CutWindow:
    """
    Cut after so many seconds, wait until the services' outages are over, and bring it back.
    """
    time.sleep(baseline)
    window = CutWindow("drill", prober.mark())
    job_id = _call(emulator, "CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})
    _until_truth(emulator, services, 1)
    time.sleep(PAUSE)
    window.stop_at = prober.mark()
    _call(emulator, "StopFailoverTestJob", JobId=job_id)
    _until_truth(emulator, services, 2)
    time.sleep(PAUSE)
    return window


def _call(emulator: Emulator, operation: str, **parameters: object) -> str:
    headers = {"x-acs-action": operation, "x-acs-version": "2016-04-28"}
    reply = httpx.post(emulator.url, params=flattened(parameters), headers=headers)
    return str(reply.raise_for_status().json().get("JobId"))


def _until_truth(emulator: Emulator, services: Collection[str], ended: int) -> None:
    """
    Wait until so many outages of each service have ended.
    """
    deadline = time.monotonic() + PATIENCE
    while any(
        sum(each["end"] is not None for each in emulator.ground_truth()[service]) < ended
        for service in services
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
