"""
The prober in the laboratory: checks from the data centre, and its summary of each cut.

    lab_prober.py ADDRESS EVERY

`EVERY` are the intervals by scheme, as JSON. It measures until a line of JSON arrives: a
list of `Moments`. It prints its summaries of each as JSON, by target; instants are by
CLOCK_BOOTTIME.
"""

import json
import sys

from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import parse_target

TIMEOUT = 0.5


def main() -> None:
    targets = [
        parse_target(scheme, {"url": f"{scheme}://{sys.argv[1]}:7", "interval": every})
        for scheme, every in json.loads(sys.argv[2]).items()
    ]
    with Prober(targets, timeout=TIMEOUT) as prober:
        print("ready", flush=True)  # noqa: T201
        cuts = json.loads(sys.stdin.readline())
    answers = [
        {
            target.name: prober.summary(
                target.name, cut["cut"], cut["stop"], cut["until"]
            ).as_dict()
            | {"unjudged": prober.series(target.name)["unjudged"]}
            for target in targets
        }
        for cut in cuts
    ]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
