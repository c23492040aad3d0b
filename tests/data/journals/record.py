"""
Records the journals of this folder: python tests/data/journals/record.py PREFIX, for each toolkit.

Every bundled experiment is run once, and one is interrupted by each signal at each phase.
"""

import json
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from chaos_command import ALL, CHAOS, on_free_ports
from live import clean_environment
from places import EXPERIMENTS

HERE = Path(__file__).parent
PHASES = {
    "preflight": "Preflight: no test is running",
    "hypothesis": "Steady state hypothesis: ",
    "cut": "is Starting",
    "hold": "Testing after",
    "rollbacks": "is Stopping",
}
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(experiment: str, topology: str, marker: str = "", signum: int = 0) -> dict[str, Any]:
    """
    Run an experiment, with a signal when a line of its log has the marker; return its journal.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [str(CHAOS), "--no-version-check", "run", str(EXPERIMENTS / experiment)]
        settings = clean_environment(**on_free_ports(topology, folder))
        with subprocess.Popen(
            command, cwd=folder, env=settings, stderr=subprocess.PIPE, text=True
        ) as process:
            for line in process.stderr or ():
                if signum and marker in line:
                    process.send_signal(signum)
                    signum = 0
        if signum:
            raise ValueError(f"{experiment}: no line of the log has {marker!r}")
        journal = (folder / "journal.json").read_text(encoding="utf-8")
    document: dict[str, Any] = clean(json.loads(journal.replace(f"{name}/", "")))
    return document


def clean(value: Any) -> Any:
    """
    Leave out what is this machine's.
    """
    if isinstance(value, dict):
        own = {"node": "runner", "platform": "Linux"}
        return {key: own.get(key, clean(inner)) for key, inner in value.items()}
    if isinstance(value, list):
        return [clean(inner) for inner in value]
    return re.sub(r'"/[^"]*/(?=chaos|python)', '"', value) if isinstance(value, str) else value


def save(name: str, journal: dict[str, Any]) -> None:
    text = json.dumps(journal, ensure_ascii=False, separators=(",", ":"))
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def main(prefix: str) -> None:
    for experiment in ALL:
        stem = experiment.removesuffix(".yaml")
        topology = "broken-standby" if stem == "broken-standby" else "dual-circuit"
        save(f"{prefix}-{stem}", run(experiment, topology))
    for phase, marker in PHASES.items():
        for signum in SIGNALS:
            journal = run("circuit-failover.yaml", "dual-circuit", marker, signum)
            save(f"{prefix}-{signum.name.lower()}-{phase}", journal)


if __name__ == "__main__":
    main(sys.argv[1])
