"""
The sources of Alibaba's default chain that are set up here, and why one could not be used.

A message names files, profiles, modes, instants and the codes of replies. What the library reports
may quote tokens: only what REASONS lists is shown.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeGuard

__all__ = ["ACCESS_KEY", "PATIENCE", "Present", "answer", "in_use", "present", "unusable"]

ACCESS_KEY = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
PATIENCE = 30.0
"""For how many seconds the library may look for credentials."""
INSTANCE = "the RAM role of this ECS instance"
POD_ROLE = (
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
    "ALIBABA_CLOUD_ROLE_ARN",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
)
PROVIDERS = {
    "env": "EnvironmentVariableCredentialsProvider",
    "oidc_role_arn": "OIDCRoleArnCredentialsProvider",
    "cli_profile": "CLIProfileCredentialsProvider",
    "profile": "ProfileCredentialsProvider",
    "ecs_ram_role": "EcsRamRoleCredentialsProvider",
    "credential_uri": "URLCredentialsProvider",
}
"""The members of the chain: how the library names them in credentials, and in errors."""
NAMES = {"env": "the environment", "ecs_ram_role": INSTANCE}
"""The members that are known without a look at what they are set up with."""
EXPIRY_FIELDS = {
    "CloudSSO": "cloud_sso_access_token_expire",
    "External": "sts_expiration",
    "OAuth": "oauth_access_token_expire",
    "StsToken": "sts_expiration",
}
"""Where a profile of a mode keeps the end of its login, in seconds since 1970."""
OAUTH_SITES = ("CN", "INTL")

REASONS: tuple[tuple[str, str], ...] = (
    (r"CloudSSO access token is empty or expired", "a new login is needed"),
    (r"(CloudSSO sign in url or account id or access config) is empty", r"\1 is empty"),
    (r"the (access key id|access key secret|security token) is empty", r"the \1 is empty"),
    (r"(\w+) or environment variable \w+ cannot be empty", r"\1 is empty"),
    (r"(public_key_id|private_key_file|private_key) cannot be empty", r"\1 is empty"),
    (r"process_command is empty", "process_command is empty"),
    (r"command process timed out", "its command did not end in time"),
    (r"external command: exit status (-?\d+)", r"its command ended with exit status \1"),
    (r"failed to execute external command", "its command cannot be run"),
    (r"failed to parse external command output", "its command did not print a JSON document"),
    (r"response: ([\w ]+ (?:is|or \w+ is) empty)", r"its command gave no credentials: \1"),
    (r"session duration should be in the range", "its session must last 900 s or longer"),
    (r"Invalid OAuth site type", "its oauth_site_type is neither CN nor INTL"),
    (r"unsupported (?:profile mode|credential type)", "the library does not support this kind"),
    (
        r"'\w+' object (?:has no attribute 'get'|is not iterable)",
        "its profiles are not a list of JSON objects",
    ),
    (r"recursion depth exceeded", "its source profiles form a circle"),
    (r"unable to get profile with", "there is no such profile"),
    (r"invalid profile name", "no profile is current, and ALIBABA_CLOUD_PROFILE is not set"),
    (r"failed to get credential from credentials file", "there is no such section"),
    (r"No cached value was found", "what it returned had expired already"),
    (r"IMDS credentials is disabled", "ALIBABA_CLOUD_ECS_METADATA_DISABLED is true"),
    (r"\[Errno \d+\] ([A-Z][a-z ]+): '([^']+)'", r"\1: \2"),
    (r"host='([\w.-]+)'.*(?:Max retries|Read timed out)", r"\1 did not answer"),
    (r"timed out|Connection (?:refused|aborted|reset)", "it did not answer"),
)
"""What the library writes, and what is shown of it. The first match counts."""

SILENT = {
    "RetryError": "the token service did not answer",
    "TimeoutError": f"no answer came within {PATIENCE:g} s",
}
"""The library's errors whose names do not explain them."""


class Present(NamedTuple):
    """
    A source that the user has set up: its member of the chain, its name and its own defect.
    """

    member: str
    name: str
    defect: str = ""


def present(environment: Mapping[str, str], now: float) -> list[Present]:
    """
    Return the sources that are set up here, in the order of the chain.
    """
    return [
        *_partial("env", "the environment", ACCESS_KEY, environment),
        *_pod_role(environment),
        *_cli_profile(environment, now),
        *_credentials_file(environment),
        *_instance(environment),
        *(
            Present("credential_uri", "ALIBABA_CLOUD_CREDENTIALS_URI")
            for uri in [environment.get("ALIBABA_CLOUD_CREDENTIALS_URI")]
            if uri
        ),
    ]


def unusable(problem: Exception, sources: list[Present]) -> str:
    """
    Return which sources were found and why each could not be used; "" if none was found.
    """
    texts = _texts(str(problem))
    if not texts:
        names = " or ".join(source.name for source in sources)
        return f"no Alibaba Cloud credentials came{names and ' from ' + names}: {answer(problem)}"
    reasons = [f"{source.name}: {_reason(source, texts)}" for source in sources]
    return f"no usable Alibaba Cloud credentials: {'; '.join(reasons)}" if reasons else ""


def in_use(path: str | None, sources: list[Present]) -> tuple[str, list[str], bool]:
    """
    Return the name of the source in use, those before it, which could not be used, and whether it
    has a defect itself.

    `path` is the library's, as `default/cli_profile/static_sts`.
    """
    member = (path or "").removeprefix("default/").partition("/")[0]
    if member not in PROVIDERS:
        return "the default chain", [], False
    order = list(PROVIDERS)
    earlier = order[: order.index(member)]
    name = NAMES.get(member, f"the source {member}")
    used = next((each for each in sources if each.member == member), Present(member, name))
    skipped = [each for each in sources if each.member in earlier]
    unused = [f"{_with_defect(each)} could not be used" for each in skipped]
    return _with_defect(used), unused, bool(used.defect)


def answer(error: Exception) -> str:
    """
    Return what may be shown of an error of the library.
    """
    kind = type(error).__name__
    return _reply(str(error)) or SILENT.get(kind, kind)


def _reply(text: str) -> str:
    """
    Return the status and the code of a reply that the library quotes, without the rest.
    """
    status = re.findall(r"(?i)(?:http_?code[:=]|status code:)\s*(\d{3})", text)[:1]
    code = re.findall(r'"(?:Code|error)"\s*:\s*"([\w.]{1,80})"', text)[:1]
    return ", ".join([*(f"HTTP {number}" for number in status), *code])


def _texts(problem: str) -> dict[str, str]:
    """
    Return what each provider of the chain reported, by the name of its class.
    """
    _, bracket, listed = problem.partition("[")
    try:
        messages = ast.literal_eval(bracket + listed)
    except (ValueError, SyntaxError, RecursionError):
        return {}
    pairs = (str(message).partition(": ") for message in messages)
    return {provider: text for provider, _, text in pairs}


def _with_defect(source: Present) -> str:
    return f"{source.name} ({source.defect})" if source.defect else source.name


def _reason(source: Present, texts: Mapping[str, str]) -> str:
    text = texts.get(PROVIDERS[source.member], "")
    shown = (match.expand(ours) for wanted, ours in REASONS if (match := re.search(wanted, text)))
    reported = _reply(text) or next(shown, "")
    reasons = [part for part in (source.defect, reported) if part]
    return ", and ".join(reasons) or "the library gives no reason that may be shown"


def _partial(
    member: str, name: str, variables: tuple[str, ...], environment: Mapping[str, str]
) -> Iterator[Present]:
    """
    Yield a source of which some variables are set and others are not.
    """
    unset = [variable for variable in variables if not environment.get(variable)]
    if unset and len(unset) < len(variables):
        yield Present(member, name, f"{' and '.join(unset)} is not set")


def _pod_role(environment: Mapping[str, str]) -> Iterator[Present]:
    member, name = "oidc_role_arn", "the OIDC role of the environment"
    if all(environment.get(variable) for variable in POD_ROLE):
        yield Present(member, name)
    elif environment.get(POD_ROLE[0]):
        yield from _partial(member, name, POD_ROLE, environment)


def _cli_profile(environment: Mapping[str, str], now: float) -> Iterator[Present]:
    path = _home(environment) / ".aliyun" / "config.json"
    if environment.get("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "").lower() == "true":
        return
    member = "cli_profile"
    try:
        config = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield Present(member, str(path), error.strerror or "")
        return
    except (ValueError, RecursionError):
        config = None
    if not _is_object(config):
        yield Present(member, str(path), "it does not hold a JSON object")
        return
    name = environment.get("ALIBABA_CLOUD_PROFILE") or config.get("current")
    described, defect = _described(config.get("profiles"), name, now, set())
    yield Present(member, f"{described} of {path}", defect)


def _described(profiles: object, name: object, now: float, seen: set[object]) -> tuple[str, str]:
    """
    Describe a profile with those that it builds on, and the end of a login among them.
    """
    if not isinstance(name, str):
        return "a profile without a name", ""
    listed = profiles if isinstance(profiles, list) else []
    profile = next((p for p in listed if _is_object(p) and p.get("name") == name), None)
    if profile is None:
        return f"profile {name!r}", ""
    mode = profile.get("mode")
    kind = mode if isinstance(mode, str) and re.fullmatch(r"\w{1,40}", mode) else "unknown mode"
    if mode != "ChainableRamRoleArn" or name in seen:
        ended = _expiry(profile, EXPIRY_FIELDS.get(kind), now)
        return f"profile {name!r} ({kind})", ended or _missing_login(profile, kind)
    source, defect = _described(profiles, profile.get("source_profile"), now, seen | {name})
    return f"profile {name!r} ({kind} from {source})", defect


def _missing_login(profile: Mapping[str, object], kind: str) -> str:
    tokens = [profile.get(name) for name in ("oauth_access_token", "oauth_refresh_token")]
    site = str(profile.get("oauth_site_type", "CN")).upper()
    is_missing = kind == "OAuth" and site in OAUTH_SITES and not any(tokens)
    return "a new login is needed" if is_missing else ""


def _expiry(profile: Mapping[str, object], field: str | None, now: float) -> str:
    end = profile.get(field) if field else None
    if not end:
        return ""
    try:
        instant = datetime.fromtimestamp(float(str(end)), UTC)
    except (ValueError, OverflowError, OSError):
        return f"its {field} is not a time"
    what = "access token" if "token" in str(field) else "credentials"
    over = instant.timestamp() <= now
    return f"its {what} expired at {instant:%Y-%m-%dT%H:%M:%SZ}" if over else ""


def _credentials_file(environment: Mapping[str, str]) -> Iterator[Present]:
    given = environment.get("ALIBABA_CLOUD_CREDENTIALS_FILE")
    path = Path(given) if given else _home(environment) / ".alibabacloud" / "credentials.ini"
    member = "profile"
    section = environment.get("ALIBABA_CLOUD_PROFILE") or "default"
    sections = ConfigParser()
    try:
        sections.read_string(path.read_text(encoding="utf-8"))
        kind = sections.get(section, "type", fallback="")
    except OSError as error:
        if given or not isinstance(error, FileNotFoundError | NotADirectoryError):
            yield Present(member, str(path), error.strerror or "")
    except (IniError, ValueError):
        yield Present(member, str(path), "it cannot be read as an INI file")
    else:
        shown = f" ({kind})" if re.fullmatch(r"\w{1,40}", kind) else ""
        yield Present(member, f"section [{section}]{shown} of {path}")


def _instance(environment: Mapping[str, str]) -> Iterator[Present]:
    """
    Yield the RAM role of this ECS instance if it is named, as others have no way to know of one.
    """
    if role := environment.get("ALIBABA_CLOUD_ECS_METADATA"):
        yield Present("ecs_ram_role", f"{INSTANCE}, {role}")


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or environment.get("HOMEPATH") or Path.home())


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)
