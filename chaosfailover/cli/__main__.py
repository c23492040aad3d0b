"""
The commands of `chaos failover` without the toolkit: `python -m chaosfailover.cli stop --all`.

The toolkit opens a log file in the working directory, without which it ends, and asks the network
for its newest version. The stop of a test needs neither.
"""

import logging

from chaosfailover.cli import failover

__all__: list[str] = []

if __name__ == "__main__":
    logger = logging.getLogger("chaostoolkit")
    logger.addHandler(logging.StreamHandler())
    logger.setLevel(logging.INFO)
    failover(prog_name="python -m chaosfailover.cli")
