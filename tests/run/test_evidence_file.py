"""
The file under a run's evidence: whole lines, whatever the disk does.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from chaosfailover.events.evidence_file import SAMPLES, EvidenceFile, Line
from chaosfailover.record import make_record, read_evidence
from chaosfailover.report import render

# Writes with a limit on the size of files, as on a full disk, and then without it.
FULL = """
import resource, sys, time
from pathlib import Path
from chaosfailover.events.evidence_file import EvidenceFile
class Source:
    number = anew = 0
    def take(self, *, final):
        self.number += 1
        return {"samples": ["x" * 50], "number": self.number}
    def lose(self):
        self.anew += 1
most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
source, file = Source(), EvidenceFile.create(Path(sys.argv[1]), dict)
file.sources.append(source)
file.put({"journal": {"a": 1}})
file.flush(5)
resource.setrlimit(resource.RLIMIT_FSIZE, (400, most))
for number in range(20):
    file.put({"journal": {"rows": [number]}})
    file.flush(5)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
file.put({"journal": {"b": 2}, "end": True})
file.close()
print(file.lost, source.anew)
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[EvidenceFile]:
    file = EvidenceFile.create(tmp_path / "e.jsonl", dict)
    yield file
    file.close()


def test_full_disk_costs_samples_only(tmp_path: Path) -> None:
    """Every fragment is written once there is room, and what was lost is told."""
    path = tmp_path / "e.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    lost, anew = map(int, done.stdout.split())

    evidence = read_evidence(path.read_bytes())

    assert lost == anew == evidence.lost > 10
    assert evidence.journal["rows"] == list(range(20))
    assert (evidence.is_whole, evidence.changed, evidence.journal["b"]) == (True, 0, 2)


def test_one_process_writes_at_a_time(file: EvidenceFile) -> None:
    """Who adds to a file waits until its writer has ended, and goes on with its seals."""
    file.put({"journal": {"rows": [1]}})
    file.flush(5)
    added = EvidenceFile.add_to(file.path, dict, b"told")
    added.put({"journal": {"rows": [2]}})
    file.put({"journal": {"rows": [3]}})
    file.flush(5)
    file.close()
    assert added.flush(5)
    added.close()

    evidence = read_evidence(file.path.read_bytes())

    assert evidence.journal["rows"] == [1, 3, 2]
    assert (evidence.changed, evidence.sealed) == (0, 3)


def test_torn_line_is_left_behind(file: EvidenceFile) -> None:
    """A line that its writer could not finish is no part of the next."""
    file.put({"journal": {"rows": [1]}})
    file.close()
    with file.path.open("ab") as stream:
        stream.write(b'{"journal": {"rows": [')
    added = EvidenceFile.add_to(file.path, dict, b"told")
    added.put({"journal": {"rows": [2]}})
    added.flush(5)
    added.close()

    evidence = read_evidence(file.path.read_bytes())

    assert evidence.journal["rows"] == [1, 2]
    assert (evidence.changed, evidence.damaged) == (0, 1)


def test_what_was_told_is_not_told_again(file: EvidenceFile) -> None:
    """The spare watchdog adds nothing to what the first has told."""
    file.put({"by": "watchdog", "journal": {"rows": [1]}})
    file.close()
    added = EvidenceFile.add_to(file.path, dict, b'"by":"watchdog"')
    added.put({"journal": {"rows": [2]}})
    added.close()

    assert read_evidence(file.path.read_bytes()).journal["rows"] == [1]


def test_failing_source_and_shape_do_not_end_the_evidence(tmp_path: Path) -> None:
    """What cannot be shown is named by its error, without its text."""

    class Failing:
        def take(self, *, final: bool) -> Line | None:
            raise RuntimeError(f"a secret {final}")

        def lose(self) -> None:
            raise RuntimeError("a secret")

    def shape(line: Line) -> Mapping[str, object]:
        if "bad" in line:
            raise ValueError("a secret")
        return line

    file = EvidenceFile.create(tmp_path / "e.jsonl", shape)
    file.sources.append(Failing())
    file.put({"bad": 1})
    file.put({"journal": {"good": 1}})
    file.close()

    lines = [json.loads(line) for line in file.path.read_text().splitlines()]
    assert [line.get("problem") for line in lines] == ["ValueError", None]
    assert "secret" not in file.path.read_text()
    assert file.lost


def test_damage_hides_no_more_than_it_is(file: EvidenceFile) -> None:
    """A damaged line of samples costs the samples until they can be told again."""
    about = {"target": "a", "url": "u", "interval": 0.1, "timeout": 0.9, "persistent": False}
    measured = {"began": 100.0, "utc": "2026-01-01T00:00:00+00:00", "targets": [about]}
    file.put({"journal": {"failover": {"measured": measured}}})
    texts = ["@200000;!1,0,50;AAA", "AAAA", "@200040;!1,0,50;AAA"]
    for number, text in enumerate(texts, 1):
        file.put({SAMPLES: [text], "number": number})
    file.close()
    whole = file.path.read_bytes()

    for damaged, sent in ((whole, 12), (whole.replace(b"AAAA", b"A\xffAA"), 8)):
        series = read_evidence(damaged).journal["failover"]["targets"]["a"]["series"]
        assert series["sent"] == sent


def test_file_is_the_owners(file: EvidenceFile) -> None:
    """Nobody else can read it, whatever the umask; an existing file is never written."""
    assert file.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        EvidenceFile.create(file.path, dict)


ABOUT = {"target": "a", "url": "u", "interval": 0.1, "timeout": 0.9, "persistent": False}
MEASURED = {"began": 100.0, "utc": "2026-01-01T00:00:00+00:00", "targets": [ABOUT]}


def hostile(entry: object, *more: object) -> list[object]:
    """Return the journals of lines, the first of which is an entry of the control."""
    return [{"failover": entry}, *more]


@pytest.mark.parametrize(
    ("journals", "texts"),
    [
        (hostile({"measured": MEASURED, "windows": {"0": {"cut_at": 1.0, "stop_at": -1e14}}}), []),
        (hostile({"measured": MEASURED, "windows": {"0": {"cut_at": float("nan")}}}), []),
        (hostile({"measured": MEASURED, "windows": {"x": {"cut_at": 1.0}, "1": 5}}), []),
        (hostile({"measured": MEASURED}), ["@200000;!1,1,x,999999999999999999;"]),
        (hostile({"measured": MEASURED}), ["@200000;!1,1,99999999;|1e300;$nan;~~~AA"]),
        (hostile({"measured": {**MEASURED, "began": 1e14}}), ["@200000;!1,0,50;AA"]),
        (hostile({"measured": {**MEASURED, "targets": [{"target": "a"}]}}), ["@200000;A"]),
        (hostile({}, {"run": 5, "running": {"1": {"part": "run", "run": {}}}}), []),
        (hostile({}, {"running": {"1": {"part": "status", "run": {}}}, "rollbacks": "x"}), []),
        (hostile(7, {"failover": []}, {"steady_states": 3, "interruption": []}), []),
    ],
)
def test_hostile_evidence_is_read(
    file: EvidenceFile, journals: list[object], texts: list[str]
) -> None:
    """Whatever stands in a file, its report is one, and it is not `held`."""
    for journal in journals:
        file.put({"journal": journal})
    file.put({SAMPLES: texts, "number": 1})
    file.put({"journal": {"status": "completed"}, "end": True})
    file.close()

    evidence = read_evidence(file.path.read_bytes())

    assert make_record(evidence.journal)["verdict"]["verdict"] == "inconclusive"
    assert render([evidence.journal], "html", "en")


def test_too_deep_line_is_damage(file: EvidenceFile) -> None:
    """It is left out, as a journal that deep is."""
    file.put({"journal": {"status": "completed"}, "end": True})
    file.close()
    with file.path.open("ab") as stream:
        stream.write(b'{"journal":' + b'{"x":' * 500 + b"1" + b"}" * 501 + b"\n")

    evidence = read_evidence(file.path.read_bytes())

    assert evidence.damaged == 1
    assert make_record(evidence.journal)


@pytest.mark.parametrize("added", [b'{"journal":{"status":"completed"}}\n', b'{"number":1}\n'])
def test_line_without_a_seal_is_a_change(file: EvidenceFile, added: bytes) -> None:
    """So is a change of the last line itself."""
    file.put({"journal": {"status": "failed"}, "end": True})
    file.close()
    whole = file.path.read_bytes()

    assert read_evidence(whole).changed == 0
    assert read_evidence(whole + added).changed == 2
    assert read_evidence(whole.replace(b"failed", b"halted")).changed == 1
