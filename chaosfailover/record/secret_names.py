"""
Tells the names of secrets from names that only look like them.
"""

import re
from functools import cache

__all__ = ["names_secret"]

# Endings of the parts of a secret's name: db_password2, clientSecret, X-Auth-Token.
STEMS = (
    *("password", "passwd", "passphrase", "passcode", "passkey", "pwd", "secret", "credential"),
    *("token", "cookie", "bearer", "jwt", "psk", "dsn", "signature", "sessid"),
    "webhook",
    *("apikey", "authkey", "accesskey", "accesskeyid", "privatekey", "secretkey"),
)
# Parts that name a secret only as a whole: auth, but not author; pass, but not passed.
WHOLE = ("auth", "authorization", "pass", "pin", "sig", "hmac", "otp", "creds", "cred", "sessionid")
# Parts that name a secret only as a pair: private_key, not private_ip, not partition_key.
PAIRS = (
    r"(?:access|account|api|auth|client|consumer|encryption|host|license|master)_keys?",
    r"(?:private|secret|service|session|shared|signing|ssh|storage)_keys?",
    r"(?:connection|conn)_(?:string|str)",
    r"session_id",
)
# Endings of names that describe a secret: token_bucket, password_policy. A webhook's URL is one.
ABOUT = (
    *("age", "arn", "at", "bucket", "budget", "count", "enabled", "endpoint", "expiration"),
    *("expires", "expiry", "host", "interval", "kind", "length", "lifetime", "limit", "method"),
    *("mode", "name", "names", "policy", "port", "provider", "rate", "ref", "required", "rotation"),
    *(
        "scheme",
        "second",
        "size",
        "status",
        "timeout",
        "ttl",
        "type",
        "uri",
        "url",
        "usage",
        "version",
    ),
)
SECRET_NAME = re.compile(
    rf"(?:^|_)(?:[a-z0-9]*(?:{'|'.join(STEMS)})s?\d*|(?:{'|'.join(WHOLE)})|{'|'.join(PAIRS)})(?:_|$)"
)
ABOUT_SECRET = re.compile(rf"(?<!webhook)_(?:{'|'.join(ABOUT)})$")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@cache
def names_secret(name: str) -> bool:
    """
    Tell whether a name is that of a secret.
    """
    parts = re.sub(r"[^a-z0-9]+", "_", HUMP.sub("_", name[:200]).lower()).strip("_")
    return bool(SECRET_NAME.search(parts)) and not ABOUT_SECRET.search(parts)
