"""
What gives a secret away is hidden, and what an auditor needs is not.
"""

import json
from typing import Any

import pytest
from made_journals import activity, changed, held

from chaosfailover.record import make_record, stored
from chaosfailover.record.digest import verify
from chaosfailover.record.redaction import (
    HIDDEN,
    given_secrets,
    hide_values,
    inline_values,
    redact,
    redact_run,
)
from chaosfailover.record.secret_names import names_secret
from chaosfailover.report import FORMATS, render

SECRET = [
    *("password", "passwd", "db_pwd", "passphrase", "private_key", "authorization", "auth", "pass"),
    *("session_cookie", "numeric_password", "api_tokens", "credentials", "access_token", "sig"),
    *("X-Api-Key", "AccessKeyId", "AccessKeySecret", "accesskeyid", "clientSecret", "AuthKey"),
    *("mysqlPassword2", "DINGTALK_WEBHOOK", "webhook_url", "PHPSESSID", "connection_string"),
    *("Set-Cookie", "security_token", "db_dsn", "signature", "token", "vault_token_2"),
]
PLAIN = [
    *("access_point", "access_point_id", "passed", "author", "authority", "token_bucket", "key"),
    *("password_policy", "bypass", "compass", "design", "assigned", "private_ip", "partition_key"),
    *("account_id", "request_id", "job_id", "secretary", "tokenizer", "auth_mode", "token_url"),
    *("endpoint", "region_id", "bgp_session", "sha256", "hash", "circuit_id", "secret_name"),
    *("topology", "pinned", "alibaba_cloud_role_arn", "bgp_peer_id", "change_ticket", "session"),
]


@pytest.mark.parametrize("name", SECRET)
def test_name_of_a_secret(name: str) -> None:
    """However it is written, what stands under it is hidden, be it a text, a number or a tree."""
    assert names_secret(name)
    for value in ("s", 77712345, 0.5, ["a", "b"], {"user": "u"}):
        assert redact({name: value}) == {name: HIDDEN}


@pytest.mark.parametrize("name", SECRET)
@pytest.mark.parametrize("value", [None, True, False, "", [], {}], ids=repr)
def test_nothing_is_no_secret(name: str, value: object) -> None:
    """That something is not set, or on or off, may be told."""
    assert redact({name: value}) == {name: value}


@pytest.mark.parametrize("name", PLAIN)
def test_name_of_no_secret(name: str) -> None:
    """What only sounds like it stays."""
    assert not names_secret(name)
    assert redact({name: "pc-1"}) == {name: "pc-1"}
    assert redact(f"{name}=pc-1") == f"{name}=pc-1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(
            "curl http://h/?token=abc&x=1&sig=z ok",
            "curl http://h/?token=***&x=1&sig=*** ok",
            id="query",
        ),
        pytest.param("mysql://root:PASS@db/x", "mysql://***@db/x", id="user"),
        pytest.param("PGPASSWORD=hunter2 psql", "PGPASSWORD=*** psql", id="environment"),
        pytest.param("Authorization: Basic dTpw", "Authorization: ***", id="header"),
        pytest.param("sent Bearer abcdefgh", "sent Bearer ***", id="bearer"),
        pytest.param('{"pwd": "S", "n": 1}', '{"pwd": "***", "n": 1}', id="JSON"),
        pytest.param('{"a": {"auth": ["S"]}}', '{"a": {"auth": "***"}}', id="JSON inside"),
        pytest.param('said {"pwd": "S \\" T", "n', 'said {"pwd": "***", "n', id="cut-off JSON"),
        pytest.param(r'"{\"pwd\": \"S\"}', r'"{\"pwd\": \"***\"}', id="JSON in JSON"),
        pytest.param("{'pwd': 'S', 'n': 2}", "{'pwd': '***', 'n': 2}", id="Python"),
        pytest.param('"tokens": ["a", "b"], 1', '"tokens": ***, 1', id="list"),
        pytest.param("password: hunter2\nport: 3", "password: ***\nport: 3", id="YAML"),
        pytest.param("key LTAI5tABCDEFGHIJKL", "key ***", id="access key"),
        pytest.param("eyJhbGciOiJI.eyJzdWIi.c2ln", "***", id="JSON web token"),
        pytest.param(
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "***", id="PEM"
        ),
        pytest.param("pc-a is Enabled: 200 (request 7F3E)", None, id="nothing"),
        pytest.param("author=me passed: true token_bucket=5", None, id="nothing by name"),
        pytest.param("the secrets lack access_key_id: set both", None, id="a sentence"),
        pytest.param('{"a":1,  "passed":true}', None, id="JSON of nothing"),
        pytest.param("http://127.0.0.1:28080/a?b=c#d", None, id="address"),
    ],
)
def test_secret_in_a_text(text: str, shown: str | None) -> None:
    """It is hidden with as little around it as can be, and hiding it twice changes nothing."""
    assert redact(text) == (text if shown is None else shown)
    assert redact(redact(text)) == redact(text)


def test_known_secret_is_hidden_wherever_it_occurs() -> None:
    """As it is, in JSON and in an address; keys and numbers are evidence, and stay."""
    value = {"out": 'x=S3"ret/1 and S3\\"ret/1', "to": "h/S3%22ret%2F1", "n": 7771234, "7771234": 1}

    shown = redact(value, ['S3"ret/1', "7771234"])

    assert shown == {"out": "x=*** and ***", "to": "h/***", "n": 7771234, "7771234": 1}


@pytest.mark.parametrize(("secret", "shown"), [("12345", "12345"), ("123456", HIDDEN)])
def test_short_secret_is_a_word(secret: str, shown: str) -> None:
    """Below six characters a value stands in too much that is harmless."""
    assert redact(secret, [secret]) == shown


def test_targets_keep_their_names_and_lose_their_queries() -> None:
    """A target may be called `auth`; all that its address asks for is hidden."""
    targets = {
        "auth": "http://u:p@h/?q=1&r=2",
        "token": {"url": "http://h/x?a=b", "rto": 3.0, "series": {"runs": [[0, 1, 2, 0]]}},
    }

    assert redact({"targets": targets})["targets"] == {
        "auth": "http://***@h/?q=***&r=***",
        "token": {"url": "http://h/x?a=***", "rto": 3.0, "series": {"runs": [[0, 1, 2, 0]]}},
    }


def test_what_the_run_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets of every group, and those of the environment that the client signs with."""
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "from-the-environment")
    secrets = {"cloud": {"access_key_id": "LTAI-x", "n": 5}, "other": {"list": ["a"], "no": None}}

    assert {"LTAI-x", "5", "a", "from-the-environment"} <= given_secrets(secrets)


def test_inline_secrets_are_values_and_not_places() -> None:
    """Where a value comes from is no secret; its default is."""
    typed = {"type": "env", "key": "NAME_OF_IT", "default": "s3cr3t"}

    assert set(inline_values({"a": {"x": typed, "y": "inline"}})) == {"s3cr3t", "inline"}


def test_untouched_without_secrets() -> None:
    """The toolkit's part of a journal is as it was where there is nothing to hide."""
    journal = {"run": [{"output": ("a", 1)}]}

    assert hide_values(journal, ["shrt"]) is journal


def test_run_is_redacted() -> None:
    """Ours by every rule; the toolkit's part only of what is known to be secret."""
    journal = changed(
        held(),
        ("failover.configuration", {"db_pwd": "configured-secret", "n": "x"}),
        ("run", [activity("a", 1, 2, output="configured-secret given-secret password=other")]),
    )

    shown = redact_run(journal, ["given-secret"])

    assert shown["failover"]["configuration"] == {"db_pwd": HIDDEN, "n": "x"}
    assert shown["run"][0]["output"] == "*** *** password=other"
    assert shown["failover"]["events"] == journal["failover"]["events"]
    assert list(shown) == list(journal) or set(shown) == set(journal)


def leaky() -> dict[str, Any]:
    """Return a run with a secret wherever one may get into a journal; all hold `S3CRET`."""
    output = {"stdout": 'x\n{"access_token": "S3CRETout"}', "auth": "Bearer S3CRETbearer"}
    long = "x" * 450 + '{"access_token": "S3CRET-that-is-cut-off-by-the-limit-of-a-record"}'
    target = {**held()["failover"]["targets"]["portal"], "url": "http://u:S3CRET@h/?t=S3CRETquery"}
    return changed(
        held(),
        ("experiment.title", "Said S3CRETinline"),
        ("experiment.secrets", {"thing": {"pin": "S3CRETinline"}}),
        (
            "experiment.extensions",
            [{"name": "failover", "api_key": "S3CRETkey", "roles": {"operator": "S3CRETinline"}}],
        ),
        (
            "run",
            [
                activity("cut S3CRETinline", 10, 12, output=output),
                activity("long", 12, 13, output=long),
                {
                    "activity": {"type": "action", "name": "failing"},
                    "status": "failed",
                    "exception": ["E: GET http://u:S3CRET@h/?token=S3CRETurl"],
                },
            ],
        ),
        (
            "failover.configuration",
            {
                "db_dsn": "mysql://root:S3CRETdsn@db/x",
                "url": "mysql://root:S3CRETdsn@db/x",
                "api_tokens": ["S3CRETlist"],
                "credentials": {"user": "u", "pass": "S3CRETpass"},
            },
        ),
        ("failover.settings", {"targets": {"erp": "http://h/?t=S3CRETquery"}}),
        ("failover.targets", {"portal": target}),
    )


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_shows_a_secret(form: str) -> None:
    """From a journal that holds them, also in a record that an earlier version left there."""
    journal = leaky()
    record = make_record(journal)
    older = {**record, "configuration": journal["failover"]["configuration"], "findings": []}
    del older["sha256"]
    older["sha256"] = _sha256(older)

    assert "S3CRET" not in render([journal], form)
    assert "S3CRET" not in render([changed(journal, ("failover.record", older))], form)


def test_redacted_record_verifies() -> None:
    """What is shown in place of an older record has a SHA-256 of its own."""
    journal = leaky()
    older = {**make_record(journal), "configuration": {"db_pwd": "S3CRET"}}
    older["sha256"] = _sha256(older)

    shown = stored(changed(journal, ("failover.record", older))).record

    assert verify(older)
    assert verify(shown)
    assert shown["configuration"] == {"db_pwd": HIDDEN}


def test_record_of_a_harmless_run_is_complete() -> None:
    """No rule hides anything of what a run without secrets leaves."""
    assert HIDDEN not in json.dumps(make_record(held()))


def _sha256(record: dict[str, Any]) -> str:
    from chaosfailover.record.digest import digest

    return digest({key: record[key] for key in record if key not in ("sha256", "findings")})
