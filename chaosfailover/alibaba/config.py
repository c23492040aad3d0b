"""
The client for the configuration and secrets of an experiment.
"""

import os
import re
import socket
from collections.abc import Mapping, MutableMapping
from typing import NamedTuple

import httpx

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.credentials import Source, assumed_role, default_chain, pod_role
from chaosfailover.alibaba.endpoints import (
    ENDPOINT,
    endpoint_url,
    is_loopback,
    official_endpoint,
)
from chaosfailover.alibaba.environment import leave_out_unusable
from chaosfailover.alibaba.network_reads import NetworkReads
from chaosfailover.alibaba.products import STS
from chaosfailover.alibaba.replies import was_refused
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.errors import ConfigurationError, CredentialsError

__all__ = [
    "CONFIGURATION_KEYS",
    "ENDPOINT",
    "REGION_ID",
    "REHEARSAL",
    "REHEARSAL_ACCESS_KEY_ID",
    "REHEARSAL_ACCESS_KEY_SECRET",
    "ROLE_ARN",
    "SECRET_KEYS",
    "RunningEmulator",
    "account_id",
    "asks_for_rehearsal",
    "client",
    "from_environment",
    "network",
    "network_reads",
    "region",
    "role",
    "running_emulator",
    "silence",
]

REGION_ID = "alibaba_cloud_region_id"
ROLE_ARN = "alibaba_cloud_role_arn"
REHEARSAL = "alibaba_cloud_rehearsal"

REHEARSAL_ACCESS_KEY_ID = "rehearsal"
REHEARSAL_ACCESS_KEY_SECRET = "rehearsal-secret"  # noqa: S105 - opens the embedded emulator only

CONFIGURATION_KEYS = (REGION_ID, ENDPOINT, ROLE_ARN, REHEARSAL)
SECRET_KEYS = ("access_key_id", "access_key_secret", "security_token")
EMULATOR_TIMEOUT = 5.0
LOOPBACK_TIMEOUT = 1.0
POD_ROLE = ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN")

Settings = Mapping[str, object] | None


def client(
    configuration: Settings,
    secrets: Settings,
    *,
    transport: httpx.BaseTransport | None = None,
    deadline: float = 60.0,
    attempts: int = 10,
    emergency: bool = False,
) -> VpcClient:
    """
    Return a client for the region, endpoint and identity of an experiment.

    A call ends after `deadline` seconds with all its `attempts`. None, "" and an unsubstituted
    `${...}` count as not set. A rehearsal uses the emulator's own key, never the user's. Raises
    ConfigurationError and, for secrets, CredentialsError. In an `emergency`, where a test is to be
    stopped, variables of the environment that cannot be used are left out instead, with a warning.
    """
    region_id, endpoint = region(configuration), _endpoint(configuration)
    if emergency:
        leave_out_unusable(endpoint_url(endpoint) if endpoint else official_endpoint(region_id))
    return VpcClient(
        region_id,
        _source(configuration, secrets),
        endpoint=endpoint,
        transport=transport,
        deadline=deadline,
        attempts=attempts,
    )


def network_reads(
    configuration: Settings, secrets: Settings, *, transport: httpx.BaseTransport | None = None
) -> NetworkReads:
    """
    Return the reads of routes, takeover and traffic, in the region and with the identity of
    `client`.

    A configured endpoint serves all products; in the cloud each has its own. Raises as `client`.
    """
    return client(configuration, secrets, transport=transport).network_reads()


def region(configuration: Settings) -> str:
    """
    Return the configured region; raises ConfigurationError without one.
    """
    if region_id := _text(configuration, REGION_ID):
        return region_id
    raise ConfigurationError(
        f"the configuration has no {REGION_ID}: set it to a region ID such as cn-hangzhou"
    )


def role(configuration: Settings) -> str:
    """
    Return the ARN of the configured role, or ""; raises ConfigurationError if it is none.
    """
    role_arn = _text(configuration, ROLE_ARN)
    if role_arn and not re.fullmatch(r"acs:ram::\d+:role/\S+", role_arn):
        raise ConfigurationError(
            f"{ROLE_ARN} is {role_arn!r}, expected acs:ram::<account ID>:role/<role name>"
        )
    return role_arn


def network(configuration: MutableMapping[str, object]) -> str:
    """
    Return the network of a run that cuts: `emulator`, `cloud`, or the configured endpoint.

    Raises ConfigurationError if the key is missing, empty or an unsubstituted `${...}`, which for
    other runs means the cloud. The configuration then opens no further client, since the toolkit
    still plays the rollbacks.
    """
    if place := _place(configuration):
        return place
    configuration[REHEARSAL] = True
    raise ConfigurationError(
        f"{ENDPOINT} is not set: set it to 'emulator' for a rehearsal, or to 'cloud' for a live run"
    )


def asks_for_rehearsal(configuration: Settings) -> bool:
    """
    Tell whether the configured endpoint is the embedded emulator, started or not.
    """
    place = (configuration or {}).get(ENDPOINT)
    return isinstance(place, str) and _word(place) == "emulator"


def account_id(
    configuration: Settings, secrets: Settings, *, transport: httpx.BaseTransport | None = None
) -> str:
    """
    Return the account of the credentials, from STS or from the configured endpoint.

    Raises as `client`.
    """
    region_id = _text(configuration, REGION_ID) or "cn-hangzhou"
    source = _source(configuration, secrets)
    with VpcClient(
        region_id,
        source,
        endpoint=_endpoint(configuration),
        transport=transport,
        deadline=10.0,
        product=STS,
    ) as sts:
        return str(sts.call("GetCallerIdentity", {}).get("AccountId") or "unknown")


def from_environment(
    region_id: str | None = None, role_arn: str | None = None
) -> dict[str, str | None]:
    """
    Return the configuration that the bundled experiments read from the environment.

    `region_id` and `role_arn` override it. `emulator` as endpoint becomes `cloud`: the emulator of
    a rehearsal ends with its run.
    """
    endpoint = os.environ.get("ALIBABA_CLOUD_ENDPOINT_VPC")
    return {
        REGION_ID: region_id or os.environ.get("ALIBABA_CLOUD_REGION_ID"),
        ENDPOINT: "cloud" if _word(endpoint or "") == "emulator" else endpoint,
        ROLE_ARN: role_arn or os.environ.get("ALIBABA_CLOUD_ROLE_ARN"),
    }


class RunningEmulator(NamedTuple):
    """
    An emulator in another process: its topology, by service the URL and what is behind it
    (`host:port`), and the reasons why services cannot be emulated on its system.

    A request may take effect for `timestamp_window` seconds after it was signed. A `volatile`
    emulator keeps nothing when it ends.
    """

    topology: str
    services: Mapping[str, str]
    upstreams: Mapping[str, str]
    shortcomings: Mapping[str, str]
    timestamp_window: float
    volatile: bool


def running_emulator(
    configuration: Settings, *, transport: httpx.BaseTransport | None = None
) -> RunningEmulator | None:
    """
    Return the emulator at the configured endpoint; None for any other endpoint.

    Only an endpoint on loopback without TLS is asked. Raises ConfigurationError as `client`, and if
    nothing listens at an endpoint on loopback.
    """
    endpoint = _endpoint(configuration)
    url = endpoint_url(endpoint) if endpoint else ""
    if not url.startswith("http://"):
        if reason := silence(configuration):
            raise ConfigurationError(reason)
        return None
    try:
        with httpx.Client(transport=transport, timeout=EMULATOR_TIMEOUT, trust_env=False) as asking:
            state = asking.get(f"{url}/_emulator/state").json()
        return RunningEmulator(
            str(state["topology"]),
            dict(state["services"]),
            dict(state["upstreams"]),
            dict(state["shortcomings"]),
            float(state["timestamp_window"]),
            volatile=state["state_file"] is False,
        )
    except (httpx.HTTPError, RecursionError, ValueError, KeyError, TypeError) as error:
        if was_refused(error):
            raise ConfigurationError(_nothing_listens(url)) from None
        return None


def silence(configuration: Settings) -> str:
    """
    Return why the configured endpoint on this machine cannot answer; "" if something listens there.

    Only an endpoint on loopback is connected to. Raises ConfigurationError for a wrong endpoint.
    """
    endpoint = _endpoint(configuration)
    url = httpx.URL(endpoint_url(endpoint)) if endpoint else None
    if url is None or not is_loopback(str(url)):
        return ""
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.host, port), LOOPBACK_TIMEOUT).close()
    except ConnectionRefusedError:
        return _nothing_listens(str(url))
    except OSError:  # it says nothing of who listens
        return ""
    return ""


def _nothing_listens(address: str) -> str:
    url = httpx.URL(address)
    server = f"chaos failover emulator --port {url.port or 80}"
    start = server if url.scheme == "http" else "what is to answer there"
    return (
        f"nothing listens at {address}: start {start}, or change {ENDPOINT} "
        "(ALIBABA_CLOUD_ENDPOINT_VPC)"
    )


def _endpoint(configuration: Settings) -> str | None:
    text = _place(configuration)
    if _is_rehearsal(configuration):
        return _rehearsal_endpoint(text)
    if text == "emulator":
        raise ConfigurationError(
            f"{ENDPOINT} is 'emulator', but none is running: the control chaosfailover.control "
            "starts it, and it is missing from the experiment or could not begin"
        )
    return None if text == "cloud" else text or None


def _place(configuration: Settings) -> str:
    return _word(_text(configuration, ENDPOINT))


def _word(text: str) -> str:
    """
    Return `cloud` and `emulator` in lower case, and any other text unchanged.
    """
    word = text.strip().lower()
    return word if word in {"cloud", "emulator"} else text


def _is_rehearsal(configuration: Settings) -> bool:
    """
    Tell whether the control has started an emulator for this run.
    """
    return bool(configuration) and (configuration or {}).get(REHEARSAL) is True


def _rehearsal_endpoint(text: str) -> str:
    if not text:
        raise ConfigurationError(
            f"nothing is called: the run was refused, as {ENDPOINT} is not set"
        )
    if text in {"cloud", "emulator"} or not is_loopback(endpoint_url(text)):
        raise ConfigurationError(
            f"{REHEARSAL} is set, but {ENDPOINT} is {text!r}, not the loopback URL of an emulator"
        )
    return text


def _source(configuration: Settings, secrets: Settings) -> Source:
    if _is_rehearsal(configuration):
        return lambda: Credentials(REHEARSAL_ACCESS_KEY_ID, REHEARSAL_ACCESS_KEY_SECRET)
    given = _given(secrets)
    role_arn = role(configuration)
    if role_arn and given is None and _is_pod_role(role_arn):
        return pod_role()
    if role_arn:
        return assumed_role(role_arn, given)
    return default_chain() if given is None else lambda: given


def _is_pod_role(role_arn: str) -> bool:
    """
    Tell whether the pod already has this role, which it could not assume again.
    """
    return (
        os.environ.get("ALIBABA_CLOUD_ROLE_ARN") == role_arn
        and all(os.environ.get(name) for name in POD_ROLE)
        and not os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID")
    )


def _given(secrets: Settings) -> Credentials | None:
    """
    Return the credentials among the secrets; raises CredentialsError for half a pair.
    """
    flat = _flat(secrets or {})
    access_key_id, access_key_secret, security_token = (_text(flat, name) for name in SECRET_KEYS)
    if not (access_key_id or access_key_secret or security_token):
        return None
    pair = {"access_key_id": access_key_id, "access_key_secret": access_key_secret}
    missing = [name for name, text in pair.items() if not text]
    if missing:
        raise CredentialsError(
            f"the secrets lack {' and '.join(missing)}: set access_key_id and access_key_secret "
            "both, or none of the secrets to use Alibaba's default chain"
        )
    return Credentials(access_key_id, access_key_secret, security_token or None, "the secrets")


def _flat(secrets: Mapping[str, object]) -> Mapping[str, object]:
    """
    Return the secrets with our keys: controls get secrets by group, activities get them flat.
    """
    groups = [
        (name, group)
        for name, group in secrets.items()
        if isinstance(group, Mapping) and not group.keys().isdisjoint(SECRET_KEYS)
    ]
    if len(groups) > 1:
        names = ", ".join(name for name, _ in groups)
        raise ConfigurationError(f"several groups of secrets hold an access key: {names}")
    return groups[0][1] if groups else secrets


def _text(settings: Settings, key: str) -> str:
    value = (settings or {}).get(key)
    if value is not None and not isinstance(value, str):
        shown = "" if key in SECRET_KEYS else f" is {value!r}: it"
        raise ConfigurationError(f"{key}{shown} must be a string, not {type(value).__name__}")
    text = (value or "").strip()
    return "" if re.fullmatch(r"\$\{.*\}", text) else text
