"""
One address serves several products: which operation a request calls, and in which wire form.
"""

import json
from typing import Any

import pytest
from emulator_callers import Caller

from chaosfailover.emulator.api import answer
from chaosfailover.emulator.operations.products import PRODUCTS
from chaosfailover.emulator.wire import Request


def refused(version: str, operation: str, method: str = "POST") -> tuple[int, Any]:
    """
    Send a request without signature; return HTTP status and document.
    """
    headers = {"x-acs-action": operation, "x-acs-version": version}
    reply = answer(Caller().cloud, Request(method, "/", "", headers))
    return reply.status, json.loads(reply.body)


@pytest.mark.parametrize("version", PRODUCTS)
def test_an_operation_that_a_product_lacks(version: str) -> None:
    status, document = refused(version, "DescribeNothing")

    assert (status, document["Code"]) == (404, "InvalidAction.NotFound")
    assert f"product={PRODUCTS[version].name}&" in document["Recommend"]


@pytest.mark.parametrize("version", sorted(set(PRODUCTS) - {"2016-04-28"}))
def test_an_operation_of_another_product(version: str) -> None:
    status, document = refused(version, "DescribeRegions")

    assert (status, document["Code"]) == (404, "InvalidAction.NotFound")


def test_a_version_of_no_product() -> None:
    status, document = refused("1999-01-01", "DescribeRegions")

    assert (status, document["Code"]) == (400, "InvalidVersion")


def test_operations_of_ecr_take_post_only() -> None:
    status, document = refused("2023-09-01", "DescribeExpressConnectRouterRegion", "GET")

    assert (status, document["Code"]) == (405, "UnsupportedHTTPMethod")


@pytest.mark.parametrize(("in_form", "status"), [(True, 200), (False, 400)])
def test_parameters_of_ecr_travel_in_the_form_body(in_form: bool, status: int) -> None:
    """What is in the query is not read."""
    headers = {
        "x-acs-action": "DescribeExpressConnectRouterRegion",
        "x-acs-version": "2023-09-01",
        **({"content-type": "application/x-www-form-urlencoded"} if in_form else {}),
    }
    query, body = ("", b"EcrId=ecr-one") if in_form else ("EcrId=ecr-one", b"")
    reply = answer(Caller("two-regions").cloud, Request("POST", "/", query, headers, body))

    assert reply.status == status
