"""
The sources of credentials that need Alibaba's credential library: its chain and assumed roles.

The library is imported at the first use of a source. It runs in a thread of its own, since it
swallows every exception during its waits. Its errors and logs, which quote tokens, are suppressed.
"""

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from threading import Thread
from typing import Any, TypeVar

from chaosfailover.alibaba.credential_sources import (
    ACCESS_KEY,
    PATIENCE,
    answer,
    in_use,
    present,
    unusable,
)
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.errors import CredentialsError

__all__ = ["Source", "assumed_role", "default_chain", "pod_role"]

T = TypeVar("T")
Source = Callable[[], Credentials]

LOGGER = logging.getLogger("chaostoolkit")

TOKEN = "ALIBABA_CLOUD_SECURITY_TOKEN"  # noqa: S105 - the name of a variable

# The library renews credentials 15 minutes before they expire.
GRACE = 15 * 60.0
MISSING = (
    "no Alibaba Cloud credentials found: looked for the secrets access_key_id and "
    "access_key_secret, ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET, an OIDC role, "
    "~/.aliyun/config.json, ~/.alibabacloud/credentials.ini, an ECS RAM role, "
    "and ALIBABA_CLOUD_CREDENTIALS_URI"
)


@cache
def default_chain() -> "_Chain":
    """
    Return Alibaba's default chain (API reference 12), which renews what expires.

    Its first member, an access key in the environment, needs nothing of the library: a test has to
    be stopped also where the library cannot be used, as in a time zone that it does not know.
    """
    return _Chain()


@cache
def assumed_role(
    role_arn: str, credentials: Credentials | None, sts_endpoint: str | None = None
) -> Source:
    """
    Return a source that assumes a role with these credentials, or with the default chain's.
    """

    def make() -> Any:
        from alibabacloud_credentials.provider import RamRoleArnCredentialsProvider

        return RamRoleArnCredentialsProvider(
            credentials_provider=_static(credentials) if credentials else default_chain(),
            role_arn=role_arn,
            role_session_name="chaosfailover",
            sts_endpoint=sts_endpoint,
        )

    def user() -> str:
        return credentials.source if credentials else default_chain().source

    return _Provider(make, f"the role {role_arn}", user)


@cache
def pod_role() -> Source:
    """
    Return the OIDC role that the environment of a Kubernetes pod names.
    """

    def make() -> Any:
        from alibabacloud_credentials.provider import OIDCRoleArnCredentialsProvider

        return OIDCRoleArnCredentialsProvider()

    return _Provider(make, "the OIDC role of this pod")


class _Provider:
    """
    A source over a provider of the library, which the library in turn accepts as a provider.

    `source` names where the last credentials came from; "" before the first. A role is assumed with
    the credentials of a `user`, if that is known.
    """

    def __init__(
        self, make: Callable[[], Any], name: str, user: Callable[[], str] = lambda: ""
    ) -> None:
        self.source = ""
        self._make = make
        self._name = name
        self._user = user
        self._provider: Any = None
        self._last: tuple[Credentials, float] | None = None

    def __call__(self) -> Credentials:
        """
        Return current credentials; if the renewal fails, the last ones for another 15 minutes.
        """
        try:
            current = _aside(self.get_credentials)
        except CredentialsError as error:
            return self._still_valid(error)
        except TimeoutError as error:
            return self._still_valid(CredentialsError(self._explain(error)))
        credentials = Credentials(
            current.get_access_key_id() or "",
            current.get_access_key_secret() or "",
            current.get_security_token() or None,
            self.source,
        )
        self._last = (credentials, time.monotonic())
        return credentials

    def _still_valid(self, error: CredentialsError) -> Credentials:
        if self._last is None or time.monotonic() - self._last[1] > GRACE:
            raise error
        LOGGER.warning("the credentials could not be renewed and are used once more: %s", error)
        return self._last[0]

    def get_credentials(self) -> Any:
        try:
            if self._provider is None:
                self._provider = self._make()
                _mute()
            current = self._provider.get_credentials()
        except CredentialsError:
            raise
        except Exception as error:  # noqa: BLE001 - the library raises anything; see _aside
            problem = self._explain(error)
        else:
            self.source = self._source_of(current)
            return current
        # Raised here, so that the library's error, with its tokens, is not in the context.
        raise CredentialsError(problem)

    def _explain(self, error: Exception) -> str:
        user = self._user()
        by = f" with the credentials of {user}" if user else ""
        return f"cannot assume {self._name}{by}: {answer(error)}"

    def _source_of(self, _: Any) -> str:
        return self._name


class _Chain(_Provider):
    """
    The default chain, which begins with the environment.
    """

    def __init__(self) -> None:
        super().__init__(_chain, "the default chain")

    def __call__(self) -> Credentials:
        key_id, secret = (os.environ.get(name) for name in ACCESS_KEY)
        if key_id and secret:
            return Credentials(key_id, secret, os.environ.get(TOKEN) or None, "the environment")
        return super().__call__()

    def _explain(self, error: Exception) -> str:
        return unusable(error, present(os.environ, time.time())) or MISSING

    def _source_of(self, current: Any) -> str:
        """
        Name the source in use; warn once of those before it, as theirs may be another account.

        What has expired by our clock is used with a warning: the API decides, and may have to stop.
        """
        found = present(os.environ, time.time())
        name, skipped, is_defective = in_use(current.get_provider_name(), found)
        if skipped and not self.source:
            LOGGER.warning("%s: the credentials are those of %s instead", "; ".join(skipped), name)
        elif is_defective and not self.source:
            LOGGER.warning("the API may refuse the credentials of %s", name)
        return name


def _chain() -> Any:
    from alibabacloud_credentials.provider import DefaultCredentialsProvider

    return DefaultCredentialsProvider()


def _static(credentials: Credentials) -> Any:
    from alibabacloud_credentials.provider import (
        StaticAKCredentialsProvider,
        StaticSTSCredentialsProvider,
    )

    pair = {
        "access_key_id": credentials.access_key_id,
        "access_key_secret": credentials.access_key_secret,
    }
    if credentials.security_token is None:
        return StaticAKCredentialsProvider(**pair)
    return StaticSTSCredentialsProvider(**pair, security_token=credentials.security_token)


def _aside(load: Callable[[], T]) -> T:
    """
    Run `load` in a thread; the exception of a signal handler ends the wait for it.
    """
    outcome: Future[T] = Future()

    def settle() -> None:
        try:
            outcome.set_result(load())
        except BaseException as error:  # noqa: BLE001 - handed over to the caller
            outcome.set_exception(error)

    Thread(target=settle, name="credentials", daemon=True).start()
    return outcome.result(PATIENCE)


def _mute() -> None:
    """
    Suppress the library's own log, and the log of requests that hold a token.
    """
    logging.getLogger("credentials").addFilter(lambda _: False)
    logging.getLogger("urllib3.connectionpool").addFilter(
        lambda record: "SecurityToken=" not in record.getMessage()
    )
