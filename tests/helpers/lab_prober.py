"""
The prober in the laboratory: checks from the data centre, and its summary of each cut.

    lab_prober.py ADDRESS EVERY

UDP goes to the responder of `chaos failover echo`, TCP to the stream's echo. `EVERY` are the
intervals by scheme, as JSON. A line `mark` on its input begins a phase, and is answered with the
instant, by CLOCK_BOOTTIME. Any other line is JSON, a list of `Moments`, and ends the measurement.
Then it prints its summaries of each as JSON, by target.
"""

import json
import sys
from math import isfinite
from typing import cast

from lab_network import RESPONDER, Moments

from chaosfailover.outages.first_loss import first_loss
from chaosfailover.outages.measured import CutWindow
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import parse_target

TIMEOUT = 0.5
PORTS = {"udp": RESPONDER, "tcp": 7}


def loss(prober: Prober, name: str, since: float, until: float) -> dict[str, list[float | None]]:
    """
    Return when the first loss of a phase began and was over, each as an earliest and a latest.
    """
    found = first_loss(prober._find(name).flows, since, until, TIMEOUT)
    ends = found._asdict() if found else {}
    return {edge: [at if isfinite(at) else None for at in each] for edge, each in ends.items()}


def directions(prober: Prober, name: str, cuts: list[Moments]) -> list[object]:
    """
    Return what the journal says of the ways out and back in each cut; None without a responder.
    """
    windows = [CutWindow("drill", cut["cut"], cut["stop"]) for cut in cuts]
    rows = cast("list[dict[str, object]]", prober.entry(name, windows)["cuts"])
    return [row.get("directions") for row in rows]


def main() -> None:
    targets = [
        parse_target(
            scheme, {"url": f"{scheme}://{sys.argv[1]}:{PORTS[scheme]}", "interval": every}
        )
        for scheme, every in json.loads(sys.argv[2]).items()
    ]
    with Prober(targets, timeout=TIMEOUT) as prober:
        print("ready", flush=True)  # noqa: T201
        while (line := sys.stdin.readline()) == "mark\n":
            print(prober.mark(), flush=True)  # noqa: T201
    cuts = json.loads(line)
    told = {target.name: directions(prober, target.name, cuts) for target in targets}
    answers = [
        {
            target.name: prober.summary(
                target.name, cut["cut"], cut["stop"], cut["until"]
            ).as_dict()
            | {"unjudged": prober.series(target.name)["unjudged"]}
            | {"loss": loss(prober, target.name, cut["cut"], cut["stop"])}
            | {"directions": told[target.name][number]}
            for target in targets
        }
        for number, cut in enumerate(cuts)
    ]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
