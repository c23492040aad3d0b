"""
The documentation tells what the tables hold, and the tables hold what the official SDK knows.
"""

import inspect
import re
from typing import Any

import pytest
from alibabacloud_cbn20170912 import models as cbn_models
from alibabacloud_cms20190101 import models as cms_models
from alibabacloud_expressconnectrouter20230901 import models as ecr_models
from alibabacloud_vpc20160428 import models
from readme_tables import README, rewritten

from chaosfailover.emulator.api import HANDLERS
from chaosfailover.emulator.operations.products import CBN, CMS, ECR, VPC
from chaosfailover.emulator.operations.table import OPERATIONS
from chaosfailover.emulator.resource_fields import DEFAULTS
from chaosfailover.emulator.resources import CIRCUIT, GROUP, PEER, VBR


def test_the_readme_is_up_to_date() -> None:
    """
    Run `python tests/helpers/readme_tables.py` after a change of the tables.
    """
    text = README.read_text(encoding="utf-8")

    assert rewritten(text) == text


def test_the_readme_says_in_bold_what_the_emulator_does_not_do() -> None:
    assert re.search(r"\n\n\*\*What it does not do: [^*]+\*\*\n\n", README.read_text("utf-8"))


def test_every_operation_has_a_handler() -> None:
    assert set(HANDLERS) == set(OPERATIONS)


SDKS = {VPC.name: models, ECR.name: ecr_models, CBN.name: cbn_models, CMS.name: cms_models}


def sdk_parameters(operation: str) -> set[str]:
    """
    Return the wire names of an operation's parameters as the SDK sends them.
    """
    sdk = SDKS[OPERATIONS[operation].product.name]
    kind: Any = getattr(sdk, f"{operation}Request")
    request = kind()
    for name, parameter in inspect.signature(kind).parameters.items():
        hint = str(parameter.annotation)
        model = hint.rpartition("main_models.")[2] if "main_models." in hint else ""
        value = [] if "List[" in hint else getattr(sdk, model)() if model else "x"
        setattr(request, name, value)
    return set(request.to_map())


@pytest.mark.parametrize(
    "operation", sorted(each for each in OPERATIONS if OPERATIONS[each].product.name in SDKS)
)
def test_every_parameter_of_the_sdk_is_in_the_table(operation: str) -> None:
    known = {each.name for each in OPERATIONS[operation].parameters}

    assert sdk_parameters(operation) - known == set()


@pytest.mark.parametrize(
    "operation", sorted(each for each in OPERATIONS if OPERATIONS[each].product in (ECR, CBN))
)
def test_operations_of_fabrics_have_no_parameter_that_the_sdk_lacks(operation: str) -> None:
    known = {each.name for each in OPERATIONS[operation].parameters}

    assert known == sdk_parameters(operation)


@pytest.mark.parametrize("operation", sorted(each for each in OPERATIONS if "TestJob" in each))
def test_operations_on_jobs_have_no_parameter_that_the_sdk_lacks(operation: str) -> None:
    known = {each.name for each in OPERATIONS[operation].parameters}

    assert known == sdk_parameters(operation)


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        (
            CIRCUIT,
            "DescribePhysicalConnectionsResponseBodyPhysicalConnectionSetPhysicalConnectionType",
        ),
        (
            VBR,
            "DescribeVirtualBorderRoutersResponseBodyVirtualBorderRouterSetVirtualBorderRouterType",
        ),
        (GROUP, "DescribeBgpGroupsResponseBodyBgpGroupsBgpGroup"),
        (PEER, "DescribeBgpPeersResponseBodyBgpPeersBgpPeer"),
    ],
)
def test_documents_have_only_fields_that_the_sdk_knows(kind: str, model: str) -> None:
    """
    Every field that is shown comes back from the SDK's own model.
    """
    shown = {name: value for name, value in DEFAULTS[kind].items() if value != ""}
    parsed: Any = getattr(models, model)().from_map(shown)
    unknown = set(shown) - set(parsed.to_map())

    assert unknown <= {"PConnVbrBussinessStatus"}  # of the view by circuit
