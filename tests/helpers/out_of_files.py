"""
Cuts a circuit of an emulator whose process has no file left: python out_of_files.py TOPOLOGY.
"""

import contextlib
import os
import resource
import sys
import time
from urllib.parse import urlencode

import httpx

from chaosfailover.emulator import Emulator

PATIENCE = 30.0
CREATE = {
    "Action": "CreateFailoverTestJob",
    "Version": "2016-04-28",
    "RegionId": "cn-hangzhou",
    "Format": "JSON",
    "ResourceType": "PHYSICALCONNECTION",
    "ResourceId.1": "pc-rehearsal-a",
    "JobType": "StartNow",
    "JobDuration": "5",
}


def main() -> None:
    """
    Say whether the ground truth has the cut and its end.
    """
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator(sys.argv[1], auth=False, service_ports=ports) as emulator:
        httpx.get(f"{emulator.url}/_emulator/clock").raise_for_status()  # it is all up now
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
        files: list[int] = []
        with contextlib.suppress(OSError):
            while True:
                files.append(os.open(os.devnull, os.O_RDONLY))
        emulator.handle("POST", "/?" + urlencode(CREATE))
        emulator.advance(2.1)
        lost = [each["end"] for each in emulator.ground_truth()["portal"]]
        deadline = time.monotonic() + PATIENCE
        while None in (moved := [each["end"] for each in emulator.ground_truth()["portal"]]):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        for number in files:
            os.close(number)
    if lost == [None] and None not in moved:
        sys.stdout.write("lost, then moved\n")


if __name__ == "__main__":
    main()
