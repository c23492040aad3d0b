"""
Two hundred clients at once.
"""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
from emulator_callers import CREATE, flattened

from chaosfailover.emulator import Emulator

CROWD = 200


async def call(client: httpx.AsyncClient, url: str, operation: str, **given: Any) -> Any:
    """
    Call an operation.
    """
    headers = {"x-acs-action": operation, "x-acs-version": "2016-04-28"}
    return (await client.post(url, params=flattened(given), headers=headers)).json()


async def crowd(url: str, job_ids: list[str]) -> Counter[str]:
    """
    Start jobs, each over a connection of its own, and count the codes.
    """
    limits = httpx.Limits(max_connections=CROWD)
    async with httpx.AsyncClient(limits=limits, timeout=60.0) as client:
        calls = [call(client, url, "StartFailoverTestJob", JobId=job_id) for job_id in job_ids]
        return Counter(each.get("Code", "started") for each in await asyncio.gather(*calls))


@pytest.mark.long
@pytest.mark.parametrize(
    ("jobs", "code"),
    [
        pytest.param(CROWD, "AnotherJobTesting", id="each its own job"),
        pytest.param(1, "IncorrectStatus.OnlyForInit", id="all the same job"),
    ],
)
def test_exactly_one_wins(jobs: int, code: str) -> None:
    """
    The others get a documented code, and nothing hangs.
    """
    with Emulator(auth=False, service_ports={"portal": 0, "echo": 0, "ledger": 0}) as emulator:
        headers = {"x-acs-action": "CreateFailoverTestJob", "x-acs-version": "2016-04-28"}
        with httpx.Client() as client:
            created = [
                client.post(emulator.url, params=flattened(CREATE), headers=headers).json()["JobId"]
                for _ in range(jobs)
            ]
        counted = asyncio.run(crowd(emulator.url, created * (CROWD // jobs)))

    assert counted == {"started": 1, code: CROWD - 1}


def test_one_client_token_makes_one_job() -> None:
    """
    A crowd that repeats one Create gets the same job.
    """

    async def create_all(url: str) -> set[str]:
        limits = httpx.Limits(max_connections=CROWD)
        async with httpx.AsyncClient(limits=limits, timeout=60.0) as client:
            given = {**CREATE, "ClientToken": "one"}
            calls = [call(client, url, "CreateFailoverTestJob", **given) for _ in range(CROWD)]
            return {each["JobId"] for each in await asyncio.gather(*calls)}

    with Emulator(auth=False, service_ports={"portal": 0, "echo": 0, "ledger": 0}) as emulator:
        ids = asyncio.run(create_all(emulator.url))

    assert len(ids) == 1
