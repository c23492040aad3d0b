"""
Fixtures that several test files share.
"""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import groupby

import pytest
import yaml
from accounts import ACCOUNTS, TEN
from faces import FACES, Face, faced

from chaosfailover.alibaba import config
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.emulator import Emulator
from chaosfailover.safety import guard
from chaosfailover.safety.cut import ApprovedCuts, Cut

pytest_plugins = ["processes", "clouds"]

Configuration = dict[str, object]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Deal the tests out to the workers, each of which is given as many in a row, last files first.

    Tests that start processes are neighbours, and most are in the last files. Every worker begins
    with some of them, so that none waits at the end for another's. They are dealt by the dozen, as
    neighbours share what their file prepares once in each worker.
    """
    leave_to_the_matrix(items)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    last = items[::-1]
    dozens = [last[begin : begin + 12] for begin in range(0, len(last), 12)]
    items[:] = [
        item for first in range(workers) for dozen in dozens[first::workers] for item in dozen
    ]


def leave_to_the_matrix(items: list[pytest.Item]) -> None:
    """
    Of the dear cases of a function marked `sample(n)`, mark all but n as `matrix`, evenly spread.
    """
    sampled = [item for item in items if item.get_closest_marker("sample") and is_dear(item)]
    for _, cases in groupby(sampled, lambda item: (item.path, item.name.split("[")[0])):
        same = list(cases)
        mark = same[0].get_closest_marker("sample")
        count = min(mark.args[0], len(same)) if mark else 0
        kept = {number * (len(same) - 1) // max(1, count - 1) for number in range(count)}
        for number, item in enumerate(same):
            if number not in kept:
                item.add_marker("matrix")


def is_dear(item: pytest.Item) -> bool:
    """
    Tell whether a test is run on one Python only: what is run on each, and by hand, stays so.
    """
    marks = {mark.name for mark in item.iter_markers()}
    return bool(marks & {"long", "browser"}) and "matrix" not in marks


def pytest_collection_finish() -> None:
    """
    Keep the collected tests out of each later collection of garbage, of which Hypothesis asks many.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _begun() -> Iterator[None]:
    """A run that a test has refused in this process is no concern of the next."""
    yield
    guard.set_unbegun(unbegun=False)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator of two circuits whose minute lasts a second, on free ports."""
    keys = {config.REHEARSAL_ACCESS_KEY_ID: config.REHEARSAL_ACCESS_KEY_SECRET}
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator("dual-circuit", minute=1.0, access_keys=keys, service_ports=ports) as emulator:
        yield emulator


@pytest.fixture
def configuration(emulator: Emulator) -> Configuration:
    """What an experiment's activities are given in a rehearsal."""
    return {
        "alibaba_cloud_region_id": "cn-hangzhou",
        "alibaba_cloud_vpc_endpoint": emulator.url,
        "alibaba_cloud_rehearsal": True,
    }


@pytest.fixture
def guarding(emulator: Emulator) -> Iterator[guard.Guard]:
    """
    A guard that has approved the drill, as the control does; it is closed before the emulator.
    """
    assert emulator.url
    guarding = guard.Guard(timeout=30.0)
    guarding.approved = ApprovedCuts(
        (Cut("drill", ("pc-rehearsal-a",), "PHYSICALCONNECTION", 5),), ""
    )
    guard.set_current(guarding)
    yield guarding
    guard.set_current(None)
    guarding.restore("the test is over")


@pytest.fixture
def as_first_account(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """
    What makes the commands of this process call an endpoint as the first of our accounts.

    The default chain reads the environment once per process, so it is stood in for.
    """

    def use(endpoint: str) -> None:
        key = Credentials(f"key-{ACCOUNTS[0]}", f"secret-{ACCOUNTS[0]}")
        for name in ("REGION_ID", "ROLE_ARN"):
            monkeypatch.delenv(f"ALIBABA_CLOUD_{name}", raising=False)
        monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", endpoint)
        monkeypatch.setattr(config, "default_chain", lambda: lambda: key)

    return use


@pytest.fixture
def ten_circuits(
    tmp_path_factory: pytest.TempPathFactory, as_first_account: Callable[[str], None]
) -> Iterator[Emulator]:
    """An emulator of ten circuits that the commands of this process take for the cloud."""
    file = tmp_path_factory.mktemp("topology") / "ten.yaml"
    file.write_text(yaml.safe_dump(TEN), encoding="utf-8")
    with Emulator(file) as running:
        as_first_account(running.url)
        yield running


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Face]]:
    """The faces by name; each is one emulator."""
    with ExitStack() as opened:
        yield {
            name: opened.enter_context(faced(name, tmp_path_factory.mktemp("faces")))
            for name in FACES
        }


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest, faces: dict[str, Face]) -> Iterator[Face]:
    """Each face in turn, as its topology has it. All that it is to answer must be asked for."""
    face = faces[request.param]
    face.admin("POST", "reset")
    yield face
    assert face.unasked() == []


@pytest.fixture(autouse=True)
def no_mistakes(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """
    Fail a test in which the emulator met a mistake of its own, whatever it answered.
    """
    yield

    records = [each for each in caplog.get_records("call") if each.name == "chaosfailover.emulator"]
    assert [each.getMessage() for each in records if each.levelname == "ERROR"] == []
