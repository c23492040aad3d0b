"""
YAML files: what is read, and what is refused with its line.
"""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_yaml import HOSTILE

from chaosfailover.emulator.topology import TopologyError, load
from chaosfailover.emulator.yaml_file import YamlFileError, parsed, read

MEMORY = 1_000_000_000
SECONDS = 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("# nothing\n", None, id="a comment"),
        pytest.param("a: {b: [1, 2.5, true, null, x]}", {"a": {"b": [1, 2.5, True, None, "x"]}}),
        pytest.param("a: &x {b: 1, c: 2}\nd: *x\n", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 2}}),
        pytest.param(
            "a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\ne: {<<: [*x, *x]}\n",
            {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}, "e": {"b": 1, "c": 2}},
            id="merge keys",
        ),
        pytest.param("1: a\n'1': b\n", {1: "a", "1": "b"}, id="a number and a text"),
        pytest.param("a: 1e400", {"a": "1e400"}, id="a text for YAML"),
        pytest.param("a: 1.0e+308", {"a": 1e308}, id="a large number"),
        pytest.param("a: 9223372036854775807", {"a": 2**63 - 1}, id="the largest whole number"),
        pytest.param("[" * 90 + "]" * 90, eval("[" * 90 + "]" * 90), id="deep"),  # noqa: S307
    ],
)
def test_what_is_sound_is_read(text: str, expected: object, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(text)

    assert [parsed(text), read(file)] == [expected, expected]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    text, says = HOSTILE[name]
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises(YamlFileError) as caught:
        read(file)

    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(b"a: \xff")
    with pytest.raises(YamlFileError, match="it is not UTF-8 text: invalid start byte at byte 3"):
        read(file)


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(YamlFileError, match="it is larger than 8 MB"):
        read(Path("/dev/zero"))


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize("name", HOSTILE)
def test_the_command_explains_a_hostile_topology_in_one_line(name: str, tmp_path: Path) -> None:
    """With little memory, and soon."""
    text, says = HOSTILE[name]
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "chaosfailover.emulator", "--topology", str(file), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"python -m chaosfailover.emulator: topology {str(file)!r}: ")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("null", "it needs accounts", id="null"),
        pytest.param(
            "accounts: {1: }\nregions: {r: [a]}", "regions.r is ['a'], expected", id="list"
        ),
        pytest.param(
            "extends: dual-circuit\npaths: {a: {delay: 1.0e+308}}",
            "paths.a.delay is 1e+308, expected a number from 0 to 3600",
            id="1e308",
        ),
        pytest.param(
            "extends: dual-circuit\nsettings: {starting: [0, 1.0e+308]}",
            "settings.starting is [0, 1e+308], expected seconds, or a range",
            id="1e308 in a range",
        ),
        pytest.param(
            "extends: dual-circuit\nservices: {portal: {port: 1.0e+308}}",
            "services.portal.port is 1e+308, expected a whole number from 0 to 65535",
            id="1e308 for a port",
        ),
        pytest.param(
            "extends: dual-circuit\nfaults: [{fault: slow, seconds: 1.0e+308}]",
            "faults[0].seconds is 1e+308, expected a number from 0 to 1e+09",
            id="1e308 in a fault",
        ),
        pytest.param(
            "extends: [dual-circuit]", "extends is ['dual-circuit'], expected one", id="extends"
        ),
        pytest.param("extends: dual-circuit\ntrue: 1", "unknown key True", id="true as a key"),
    ],
)
def test_wrong_values_are_refused_with_their_place(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(TopologyError) as caught:
        load(file)

    assert f"topology {str(file)!r}: {says}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
