"""
STS' question who calls: by the official SDK's own core, and by ourselves before a live run.
"""

from collections.abc import Iterator

import httpx
import pytest
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from chaosfailover.alibaba import config
from chaosfailover.emulator import Emulator

ACCOUNTS = {
    "emulator": ("emulator-secret", None, "1000000000000001"),
    "neighbour": ("neighbour-secret", None, "1000000000000002"),
    "temporary": ("temporary-secret", "temporary-token", "1000000000000001"),
    "stoponly": ("stoponly-secret", None, "1000000000000001"),
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """
    An emulator with several accounts and kinds of keys.
    """
    with Emulator("two-regions") as emulator:
        yield emulator


# The SDK calls datetime.utcnow(), which Python 3.12 deprecates.
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
@pytest.mark.parametrize("key", ACCOUNTS)
def test_the_sdk_is_told_whose_key_it_has(emulator: Emulator, key: str) -> None:
    """
    RAM does not limit the question: a key that may only stop is told as well.
    """
    secret, token, account = ACCOUNTS[key]
    sdk = Client(
        Config(
            access_key_id=key,
            access_key_secret=secret,
            security_token=token,
            endpoint=emulator.url.removeprefix("http://"),
            protocol="http",
        )
    )
    asked = Params(
        action="GetCallerIdentity",
        version="2015-04-01",
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    body = sdk.call_api(asked, OpenApiRequest(), RuntimeOptions())["body"]

    assert len(body.pop("RequestId")) == 36
    assert body == {
        "IdentityType": "Account",
        "AccountId": account,
        "PrincipalId": account,
        "UserId": account,
        "Arn": f"acs:ram::{account}:root",
    }


@pytest.mark.parametrize("key", ACCOUNTS)
def test_a_live_run_on_the_emulator_names_its_account(emulator: Emulator, key: str) -> None:
    secret, token, account = ACCOUNTS[key]
    settings = {
        "alibaba_cloud_region_id": "cn-hangzhou",
        "alibaba_cloud_vpc_endpoint": emulator.url,
    }
    secrets = {"access_key_id": key, "access_key_secret": secret, "security_token": token}

    assert config.account_id(settings, secrets) == account


@pytest.mark.parametrize(
    ("operation", "version", "code"),
    [
        ("GetCallerIdentity", "2016-04-28", "InvalidAction.NotFound"),
        ("DescribeRegions", "2015-04-01", "InvalidAction.NotFound"),
        ("GetCallerIdentity", "2015-04-02", "InvalidVersion"),
    ],
)
def test_each_service_has_its_version(
    emulator: Emulator, operation: str, version: str, code: str
) -> None:
    reply = httpx.post(
        emulator.url, headers={"x-acs-action": operation, "x-acs-version": version}
    ).json()

    assert reply["Code"] == code


@pytest.mark.parametrize(
    ("operation", "version"),
    [("GetCallerIdentity", "2015-04-01"), ("DescribeRegions", "2016-04-28")],
)
def test_what_has_no_region_is_answered_for_any(operation: str, version: str) -> None:
    headers = {"x-acs-action": operation, "x-acs-version": version}
    reply = Emulator(auth=False).handle("GET", "/?RegionId=eu-central-1", headers)

    assert reply.status == 200
