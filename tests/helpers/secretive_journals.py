"""
Journals that hold a secret wherever one can get into a run, in every way that libraries write it.
"""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import requests
from made_journals import activity, changed, event, probe, reading

__all__ = ["leaves", "secretive", "ways_to_write"]

Journal = dict[str, Any]


def ways_to_write(secret: str) -> list[str]:
    """Return a secret as it is, and as our libraries write it."""
    octets = secret.encode("utf-8", "surrogatepass")
    printable = octets.decode("utf-8", "replace")
    address = requests.Request("GET", "http://h/", params={"t": printable}).prepare().url or ""
    requoted = requests.utils.requote_uri(f"http://h/?t={printable}")
    return [
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps({"t": secret})),
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(octets),
        quote(octets, safe=""),
        quote(octets, safe="/+=&!$"),
        quote_plus(octets),
        quote(quote(octets), safe=""),
        address,
        requoted,
        b64encode(b"user:" + octets).decode(),
        quote(urlsafe_b64encode(b"someone:" + octets).decode()),
    ]


def secretive(journal: Journal, secret: str) -> Journal:
    """Return a run in which activities, errors and reasons give a secret away."""
    written = ways_to_write(secret)
    sentence = " and ".join(written)
    long = "x" * 290 + secret
    told = {"status": 200, "body": {"deep": [sentence], secret: 1}, "text": long}
    failing = ["Traceback\n", f"Max retries exceeded with url: /?t={written[7]} ({sentence})"]
    runs = [_missed(run, sentence, long) for run in journal["run"]]
    asked: dict[str, Any] = {"kind": "probe", "module": "other", "func": "ask", "output": told}
    events = [
        *journal["failover"]["events"],
        event(13, "resource", resource_id="pc-x", status="Enabled", reason=secret),
    ]
    return changed(
        journal,
        ("experiment.title", secret),
        ("experiment.description", long),
        ("experiment.secrets", {"db": {"user": secret, "other": {"type": "env", "key": "X"}}}),
        ("node", secret),
        ("run", [*runs, activity(f"ask {long}", 11, 11.5, **asked)]),
        (
            "rollbacks",
            [*journal["rollbacks"], activity("tidy", 24, 25, func="tidy", exception=failing)],
        ),
        ("steady_states.during", [reading(probe(f"asked {secret}", 14, output=written[1]))]),
        ("failover.configuration", {"address": written[7], "words": [secret]}),
        ("failover.events", events),
        (
            "failover.preflight",
            [{"name": "x", "passed": True, "detail": long, "warnings": [secret]}],
        ),
    )


def _missed(run: Journal, output: str, tolerance: str) -> Journal:
    """Return the run of an activity; if it missed its tolerance, both give a secret away."""
    if run.get("tolerance_met") is not False:
        return run
    return changed(run, ("output", output), ("activity.tolerance", [tolerance, output]))


def leaves(value: object) -> Iterator[tuple[bool, object]]:
    """Yield each key, and each value that holds no others, with whether it is a key."""
    if isinstance(value, dict):
        yield from ((True, key) for key in value)
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield False, value
