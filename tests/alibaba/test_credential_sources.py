"""
Credentials that cannot be used: which source was found, and why it fails, without its secrets.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from chaosfailover.alibaba.credential_sources import Present, present, unusable

ROLE = {"ram_role_arn": "acs:ram::1:role/chaos"}
KEY = {"access_key_id": "AKID", "access_key_secret": "top-secret"}
SSO = {
    "mode": "CloudSSO",
    "cloud_sso_sign_in_url": "http://127.0.0.1:1/login",
    "cloud_sso_account_id": "1",
    "cloud_sso_access_config": "ac-1",
    "access_token": "top-secret",
}
EXPIRED = "expired at 2023-11-14T22:13:20Z"
PRINTED_EXPIRED = json.dumps(KEY | {"expiration": "2020-01-01T00:00:00Z"})

PROFILES: dict[str, tuple[Mapping[str, object], str]] = {
    "AK without its secret": (
        {"mode": "AK", "access_key_id": "AKID"},
        "(AK): the access key secret is empty",
    ),
    "StsToken without its token": (
        {"mode": "StsToken", **KEY, "sts_expiration": 1700000000},
        f"(StsToken): its credentials {EXPIRED}, and the security token is empty",
    ),
    "RamRoleArn whose STS does not answer": (
        {"mode": "RamRoleArn", **KEY, **ROLE},
        "(RamRoleArn): sts.aliyuncs.com did not answer",
    ),
    "RamRoleArn of too short a session": (
        {"mode": "RamRoleArn", **KEY, **ROLE, "expired_seconds": 60},
        "(RamRoleArn): its session must last 900 s or longer",
    ),
    "EcsRamRole where the metadata are disabled": (
        {"mode": "EcsRamRole", "ram_role_name": "chaos"},
        "(EcsRamRole): ALIBABA_CLOUD_ECS_METADATA_DISABLED is true",
    ),
    "OIDC without its token": (
        {"mode": "OIDC", **ROLE, "oidc_provider_arn": "a", "oidc_token_file": "/nowhere/token"},
        "(OIDC): No such file or directory: /nowhere/token",
    ),
    "CloudSSO whose login is over": (
        {**SSO, "cloud_sso_access_token_expire": 1700000000},
        f"(CloudSSO): its access token {EXPIRED}, and a new login is needed",
    ),
    "CloudSSO that was never logged in": (
        {**SSO, "access_token": None},
        "(CloudSSO): a new login is needed",
    ),
    "CloudSSO that does not answer": (
        {**SSO, "cloud_sso_access_token_expire": 9700000000},
        "(CloudSSO): 127.0.0.1 did not answer",
    ),
    "CloudSSO with a damaged time": (
        {**SSO, "cloud_sso_access_token_expire": "soon"},
        "(CloudSSO): its cloud_sso_access_token_expire is not a time",
    ),
    "OAuth that cannot be renewed": (
        {
            "mode": "OAuth",
            "oauth_access_token": "top-secret",
            "oauth_refresh_token": "top-secret",
            "oauth_access_token_expire": 1700000000,
        },
        f"(OAuth): its access token {EXPIRED}, and oauth.aliyun.com did not answer",
    ),
    "OAuth that was never logged in": (
        {"mode": "OAuth"},
        "(OAuth): a new login is needed, and oauth.aliyun.com did not answer",
    ),
    "OAuth of no known site": (
        {"mode": "OAuth", "oauth_site_type": "top-secret"},
        "(OAuth): its oauth_site_type is neither CN nor INTL",
    ),
    "External that fails": (
        {"mode": "External", "process_command": "false --password top-secret"},
        "(External): its command ended with exit status 1",
    ),
    "External that cannot be run": (
        {"mode": "External", "process_command": "/nowhere/command top-secret"},
        "(External): its command cannot be run",
    ),
    "External that prints no JSON": (
        {"mode": "External", "process_command": "echo top-secret"},
        "(External): its command did not print a JSON document",
    ),
    "External without a secret": (
        {"mode": "External", "process_command": """echo '{"access_key_id": "top-secret"}'"""},
        "(External): its command gave no credentials: access_key_id or access_key_secret is empty",
    ),
    "External whose credentials have expired": (
        {"mode": "External", "process_command": f"echo '{PRINTED_EXPIRED}'"},
        # The library has noted the end of what came in the profile.
        (
            "(External): its credentials expired at 2020-01-01T00:00:00Z, and what it returned "
            "had expired already"
        ),
    ),
    "ChainableRamRoleArn from a login that is over": (
        {"mode": "ChainableRamRoleArn", "source_profile": "sso", **ROLE},
        (
            "(ChainableRamRoleArn from profile 'sso' (CloudSSO)): "
            f"its access token {EXPIRED}, and a new login is needed"
        ),
    ),
    "ChainableRamRoleArn in a circle": (
        {"mode": "ChainableRamRoleArn", "source_profile": "me", **ROLE},
        (
            "(ChainableRamRoleArn from profile 'me' (ChainableRamRoleArn)): "
            "its source profiles form a circle"
        ),
    ),
    "CredentialsURI": (
        {"mode": "CredentialsURI", "credentials_uri": "http://127.0.0.1:1/top-secret"},
        "(CredentialsURI): the library does not support this kind",
    ),
    "RsaKeyPair": (
        {"mode": "RsaKeyPair", "private_key": "top-secret"},
        "(RsaKeyPair): the library does not support this kind",
    ),
    "a secret as its mode": (
        {"mode": "top-secret"},
        "(unknown mode): the library does not support this kind",
    ),
}

EACH = """
import json, os, sys
from pathlib import Path
from chaosfailover.alibaba import credentials
from chaosfailover.errors import CredentialsError

errors = []
for config in json.load(sys.stdin):
    Path(os.environ["HOME"], ".aliyun/config.json").write_text(json.dumps(config))
    credentials.default_chain.cache_clear()
    try:
        errors.append(f"credentials of {credentials.default_chain()().access_key_id}")
    except CredentialsError as error:
        errors.append(str(error))
print(json.dumps(errors))
"""


def run(
    script: str, home: Path, given: object = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """
    Run Python code in a home without credentials, where no server but loopback can be reached.
    """
    (home / ".aliyun").mkdir(exist_ok=True)
    closed = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:1")
    kept = {"PATH": os.environ["PATH"], "HOME": str(home)}
    kept["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true"
    return subprocess.run(
        [sys.executable, "-c", script],
        env=kept | closed | environment,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def config(profile: Mapping[str, object]) -> dict[str, object]:
    sso = {**SSO, "cloud_sso_access_token_expire": 1700000000}
    return {"current": "me", "profiles": [{"name": "sso", **sso}, {"name": "me", **profile}]}


def test_profile_that_cannot_be_used(tmp_path: Path) -> None:
    """For every kind of profile: its file, name and mode, and the reason; never a secret."""
    done = run(EACH, tmp_path, [config(profile) for profile, _ in PROFILES.values()])
    path = tmp_path / ".aliyun" / "config.json"
    begin = "no usable Alibaba Cloud credentials: profile 'me' "
    expected = {
        name: begin + f") of {path}: ".join(reason.rsplit("): ", 1))
        for name, (_, reason) in PROFILES.items()
    }

    assert done.stderr == ""
    assert "top-secret" not in done.stdout
    assert dict(zip(PROFILES, json.loads(done.stdout), strict=True)) == expected


DAMAGED: dict[str, tuple[Mapping[str, object], str]] = {
    "a text in place of the profiles": (
        {"current": "me", "profiles": "top-secret"},
        "profile 'me' of {path}: its profiles are not a list of JSON objects",
    ),
    "a number in place of the profiles": (
        {"current": "me", "profiles": 5},
        "profile 'me' of {path}: its profiles are not a list of JSON objects",
    ),
    "a text in place of a profile": (
        {"current": "me", "profiles": ["top-secret"]},
        "profile 'me' of {path}: its profiles are not a list of JSON objects",
    ),
    "nothing": (
        {},
        (
            "a profile without a name of {path}: no profile is current, "
            "and ALIBABA_CLOUD_PROFILE is not set"
        ),
    ),
    "a number as its key": (
        {"current": "me", "profiles": [{"name": "me", "mode": "AK", **KEY, "access_key_id": 1}]},
        (
            "access_key_id is of type int and must be a string; "
            "the credentials are those of profile 'me' (AK) of {path}"
        ),
    ),
}


def test_file_that_is_damaged(tmp_path: Path) -> None:
    """It is named with what is wrong, not with an error of Python."""
    done = run(EACH, tmp_path, [document for document, _ in DAMAGED.values()])
    path = tmp_path / ".aliyun" / "config.json"
    expected = [reason.format(path=path) for _, reason in DAMAGED.values()]
    actual = json.loads(done.stdout)

    assert done.stderr == ""
    assert [text.removeprefix("no usable Alibaba Cloud credentials: ") for text in actual] == (
        expected
    )


CALL = """
import httpx, json, logging
from chaosfailover.alibaba import config
from chaosfailover.errors import FailoverError

logging.basicConfig(format="%(message)s", level="WARNING")
expired = {"Code": "InvalidSecurityToken.Expired", "Message": "expired.", "RequestId": "C4"}
cloud = httpx.MockTransport(lambda request: httpx.Response(400, json=expired))
settings = {"alibaba_cloud_region_id": "cn-beijing"} | SETTINGS
with config.client(settings, SECRETS, transport=cloud) as client:
    try:
        client.stop_failover_test_job("ftj-1")
    except FailoverError as error:
        print(error)
"""
REFUSED = (
    "InvalidSecurityToken.Expired: expired. (StopFailoverTestJob, HTTP 400, request C4); "
    "the credentials are those of "
)


USERS = pytest.mark.parametrize(
    ("secrets", "environment", "source"),
    [
        pytest.param(
            None,
            {},
            f"profile 'me' (StsToken) of {{home}}/.aliyun/config.json (its credentials {EXPIRED})",
            id="a profile",
        ),
        pytest.param(KEY, {}, "the secrets", id="secrets"),
        pytest.param(
            None,
            {"ALIBABA_CLOUD_ACCESS_KEY_ID": "AKID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"},
            "the environment",
            id="the environment",
        ),
    ],
)


def call(
    home: Path, secrets: object, environment: Mapping[str, str], **settings: str
) -> tuple[str, str]:
    """
    Stop a test, logged in with expired credentials; return what was printed and logged.
    """
    profile = {"mode": "StsToken", **KEY, "sts_token": "top-secret", "sts_expiration": 1700000000}
    (home / ".aliyun").mkdir()
    (home / ".aliyun" / "config.json").write_text(json.dumps(config(profile)))
    script = CALL.replace("SECRETS", repr(secrets)).replace("SETTINGS", repr(settings))
    done = run(script, home, **environment)
    return done.stdout, done.stderr


def warning(source: str, home: Path) -> str:
    """
    Return what is logged before the call: our clock may be wrong, so that the API decides.
    """
    user = source.format(home=home)
    return f"the API may refuse the credentials of {user}\n" if EXPIRED in user else ""


@USERS
def test_credentials_that_the_api_refuses(
    secrets: object, environment: dict[str, str], source: str, tmp_path: Path
) -> None:
    """An error of the API about the credentials says whose they are."""
    error = REFUSED + source.format(home=tmp_path)

    assert call(tmp_path, secrets, environment) == (f"{error}\n", warning(source, tmp_path))


@USERS
def test_role_that_cannot_be_assumed(
    secrets: object, environment: dict[str, str], source: str, tmp_path: Path
) -> None:
    """It may be an expired login of the user for which a role is refused: the error says which."""
    role = ROLE["ram_role_arn"]
    user = source.format(home=tmp_path)
    error = f"cannot assume the role {role} with the credentials of {user}: "

    assert call(tmp_path, secrets, environment, alibaba_cloud_role_arn=role) == (
        f"{error}the token service did not answer\n",
        warning(source, tmp_path),
    )


def test_next_source_in_place_of_an_expired_login(tmp_path: Path) -> None:
    """Whoever is logged out may not act as someone else unawares: the log names both."""
    (tmp_path / ".aliyun").mkdir()
    (tmp_path / ".aliyun" / "config.json").write_text(json.dumps(config({"mode": "AK"})))
    ini = tmp_path / "credentials.ini"
    ini.write_text("[default]\ntype = access_key\naccess_key_id = A\naccess_key_secret = B\n")
    done = run(
        CALL.replace("SECRETS", "None").replace("SETTINGS", "{}"),
        tmp_path,
        ALIBABA_CLOUD_CREDENTIALS_FILE=str(ini),
    )
    other = f"section [default] (access_key) of {ini}"

    assert done.stdout == REFUSED + other + "\n"
    assert done.stderr == (
        f"profile 'me' (AK) of {tmp_path}/.aliyun/config.json could not be used: "
        f"the credentials are those of {other} instead\n"
    )


@pytest.mark.parametrize(
    ("files", "environment", "expected"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param(
            {},
            {"ALIBABA_CLOUD_ACCESS_KEY_ID": "top-secret"},
            ["the environment: ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set"],
            id="half a pair",
        ),
        pytest.param(
            {},
            {"ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/token"},
            [
                (
                    "the OIDC role of the environment: ALIBABA_CLOUD_ROLE_ARN and "
                    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not set"
                ),
            ],
            id="half an OIDC role",
        ),
        pytest.param(
            {".aliyun/config.json": "{top-secret"},
            {},
            ["{home}/.aliyun/config.json: it does not hold a JSON object"],
            id="no JSON",
        ),
        pytest.param(
            {".aliyun/config.json": "[" * 100_000},
            {},
            ["{home}/.aliyun/config.json: it does not hold a JSON object"],
            id="JSON without an end",
        ),
        pytest.param(
            {".aliyun/config.json": '{"current": "a", "profiles": ["top-secret"]}'},
            {"ALIBABA_CLOUD_PROFILE": "b"},
            ["profile 'b' of {home}/.aliyun/config.json: "],
            id="no such profile",
        ),
        pytest.param(
            {".aliyun/config.json": '{"current": ["top-secret"]}'},
            {},
            ["a profile without a name of {home}/.aliyun/config.json: "],
            id="no name",
        ),
        pytest.param(
            {".aliyun/config.json": "{}"},
            {"ALIBABA_CLOUD_CLI_PROFILE_DISABLED": "true"},
            [],
            id="profiles disabled",
        ),
        pytest.param(
            {".alibabacloud/credentials.ini": "top-secret"},
            {},
            ["{home}/.alibabacloud/credentials.ini: it cannot be read as an INI file"],
            id="no INI",
        ),
        pytest.param(
            {".alibabacloud/credentials.ini": "[a]\ntype = sts\nkey = %top-secret\n"},
            {"ALIBABA_CLOUD_PROFILE": "a"},
            ["section [a] (sts) of {home}/.alibabacloud/credentials.ini: "],
            id="a section",
        ),
        pytest.param(
            {},
            {"ALIBABA_CLOUD_CREDENTIALS_FILE": "/nowhere.ini"},
            ["/nowhere.ini: No such file or directory"],
            id="a file that is named and absent",
        ),
        pytest.param(
            {},
            {"ALIBABA_CLOUD_ECS_METADATA": "chaos"},
            ["the RAM role of this ECS instance, chaos: "],
            id="a named role of the instance",
        ),
        pytest.param(
            {},
            {"ALIBABA_CLOUD_CREDENTIALS_URI": "http://127.0.0.1/top-secret"},
            ["ALIBABA_CLOUD_CREDENTIALS_URI: "],
            id="a URI",
        ),
    ],
)
def test_sources_that_are_set_up(
    files: dict[str, str], environment: dict[str, str], expected: list[str], tmp_path: Path
) -> None:
    """A source counts as found if someone has set it up, also where it is damaged."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    actual = [
        f"{source.name}: {source.defect}"
        for source in present({"HOME": str(tmp_path), **environment}, 0.0)
    ]

    assert actual == [text.format(home=tmp_path) for text in expected]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            'error refreshing credentials from sso, http_code: 403, result: {"Code": '
            '"NoPermission", "Message": "top-secret"}',
            "HTTP 403, NoPermission",
            id="CloudSSO",
        ),
        pytest.param(
            'failed to refresh OAuth token, status code: 400, response: {"error": '
            '"invalid_grant", "error_description": "top-secret"}',
            "HTTP 400, invalid_grant",
            id="OAuth",
        ),
        pytest.param(
            "error refreshing credentials from http://h/top-secret,  http_code=404, result: x",
            "HTTP 404",
            id="URI",
        ),
        pytest.param(
            "Failed to get RAM session credentials from ECS metadata service. HttpCode=404",
            "HTTP 404",
            id="metadata",
        ),
        pytest.param("top-secret", "the library gives no reason that may be shown", id="any other"),
    ],
)
def test_what_the_library_reports(text: str, reason: str) -> None:
    """Of a reply, which may quote a token, the status and the code are shown."""
    chain = RuntimeError(f"unable to load: {[f'CLIProfileCredentialsProvider: {text}']}")

    assert unusable(chain, [Present("cli_profile", "profile 'me'")]) == (
        f"no usable Alibaba Cloud credentials: profile 'me': {reason}"
    )


@pytest.mark.parametrize(
    ("sources", "origin"),
    [
        pytest.param([], "", id="no source"),
        pytest.param(
            [Present("credential_uri", "a"), Present("env", "b")], " from a or b", id="two"
        ),
    ],
)
def test_chain_that_does_not_answer(sources: list[Present], origin: str) -> None:
    """Which of several sources keeps silent is unknown."""
    assert unusable(TimeoutError(), sources) == (
        f"no Alibaba Cloud credentials came{origin}: no answer came within 30 s"
    )
