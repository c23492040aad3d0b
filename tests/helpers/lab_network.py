"""
The laboratory from inside: two BIRD routers, two circuits between them, and what cuts a circuit.

    unshare -Urnm --pid --fork --kill-child python tests/helpers/lab_network.py FOLDER < plan.json

The plan is a `Plan` as JSON; what was observed is printed as JSON. Everything runs in namespaces of
its own and ends with the first process.

      namespace dc                 first namespace               namespace cloud
    10.1.0.1 on lo   a ------- wire-dc-a [br-a] wire-cloud-a ------- a   10.2.0.1 on lo
    BIRD, prober,    b ------- wire-dc-b [br-b] wire-cloud-b ------- b   BIRD, echo,
    stream                                                               responder

A silent cut takes a port off its bridge: both routers still see a carrier. `link-down` takes both
wires down, so both lose it. `session-closed` disables both ends of the BGP session and leaves the
circuit up. `drained` prepends the AS path on the circuit for 3 s, then cuts silently. `lost-out`
and `lost-back` lose one way alone: the router that sends that way has a wrong neighbour entry.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict, cast

from lab_parts import Change, Look, Watch, changes_in

__all__ = ["LOSES", "RESPONDER", "Moments", "Observed", "Plan"]

HERE = Path(__file__).parent
LOOPBACK = {"dc": "10.1.0.1", "cloud": "10.2.0.1"}
ASN = {"dc": 65001, "cloud": 65002}
OTHER = {"dc": "cloud", "cloud": "dc"}
END = {"dc": 1, "cloud": 2}
CIRCUITS = {"a": 1, "b": 2}
PATIENCE = 60.0
DRAIN = 3.0
RESPONDER = 28090
LOSES = {"lost-out": "out", "lost-back": "back"}
SENDER = {"lost-out": "dc", "lost-back": "cloud"}
NOBODY = "02:00:00:00:00:ff"
STANDBY, DRAINED = 1, 3  # how often the AS path of a circuit is prepended


class Plan(TypedDict):
    """
    What to build, and the ways in which circuit a is cut, one after the other.

    `bfd` is an interval in ms and a multiplier, or null; `hold` is in seconds. `equal` circuits
    both carry; else b is the standby. `seeds` of the hash that spreads flows: of dc and of cloud.
    `every` is the interval of the prober's checks, by scheme.
    """

    equal: bool
    bfd: tuple[int, int] | None
    hold: int
    ways: list[str]
    seeds: tuple[int, int]
    every: dict[str, float]


class Moments(TypedDict):
    """
    The instants of one cut, by CLOCK_BOOTTIME: until `until`, all is steady again.

    Since `moved` and since `back`, the routes of both routers are those of the phase. The cut was
    made by `done`.
    """

    cut: float
    done: float
    moved: float
    stop: float
    back: float
    until: float


class Observed(TypedDict):
    """
    What was seen: the instants of each cut, and for each the stream's and the prober's view.

    `overflows` are the datagrams that a socket lost as its reader was not scheduled: those of a
    machine that is too busy to measure. `looks` and `log` are those of the session over circuit a.
    """

    overflows: int
    cuts: list[Moments]
    stream: list[dict[str, Any]]
    prober: list[dict[str, dict[str, Any]]]
    looks: list[Look]
    log: list[Change]


def clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def run(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def inside(node: str, *command: str) -> list[str]:
    """
    Return a command that runs in a node's namespace.
    """
    return ["nsenter", f"--net=/run/netns/{node}", *command]


def session(node: str, plan: Plan, name: str, prepended: int) -> str:
    """
    Write the BGP session of a router over a circuit.
    """
    peer, subnet = OTHER[node], CIRCUITS[name]
    return f"""
protocol bgp circuit_{name} {{
    debug {{ states }};
    local 10.0.{subnet}.{END[node]} as {ASN[node]};
    neighbor 10.0.{subnet}.{END[peer]} as {ASN[peer]};
    hold time {plan["hold"]};
    connect delay time 1; connect retry time 1; error wait time 1, 1;
    bfd {"on" if plan["bfd"] else "off"};
    ipv4 {{
        import all;
        export filter {{
            if source != RTS_DEVICE then reject;
            {f"bgp_path.prepend({ASN[node]});" * prepended}
            accept;
        }};
    }};
}}"""


def configuration(node: str, plan: Plan, prepended: dict[str, int]) -> str:
    """
    Write the configuration of a router; `prepended` is by circuit.
    """
    interval, multiplier = plan["bfd"] or (1000, 3)
    sessions = [session(node, plan, name, times) for name, times in prepended.items()]
    return f"""
log stderr {{ warning, error, fatal, bug, trace }};
timeformat log iso long us;
router id {LOOPBACK[node]};
protocol device {{ scan time 1; }}
protocol direct {{ ipv4; interface "lo"; }}
protocol kernel {{
    merge paths {"on" if plan["equal"] else "off"};
    ipv4 {{
        import none;
        export filter {{
            if source != RTS_BGP then reject;
            krt_prefsrc = {LOOPBACK[node]};
            accept;
        }};
    }};
}}
protocol bfd {{
    interface "*" {{
        min rx interval {interval} ms; min tx interval {interval} ms; multiplier {multiplier};
    }};
}}
{"".join(sessions)}
"""


class Network:
    """
    The two routers and the circuits between them.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.prepended = {"a": 0, "b": 0 if plan["equal"] else STANDBY}

    def build(self) -> None:
        """
        Make the namespaces, the wires, the bridges and the addresses.
        """
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        for node in LOOPBACK:
            run("ip", "netns", "add", node)
        lines = []
        for name in CIRCUITS:
            lines += [f"link add br-{name} type bridge mcast_snooping 0", f"link set br-{name} up"]
            for node in LOOPBACK:
                wire = f"wire-{node}-{name}"
                lines += [
                    f"link add {wire} type veth peer name {name} netns {node}",
                    f"link set {wire} master br-{name} up",
                ]
        run("ip", "-batch", "-", text="\n".join(lines))
        for node, seed in zip(LOOPBACK, self.plan["seeds"], strict=True):
            self._address(node, seed)

    def _address(self, node: str, seed: int) -> None:
        lines = [f"addr add {LOOPBACK[node]}/32 dev lo", "link set lo up"]
        for name, subnet in CIRCUITS.items():
            lines += [
                f"addr add 10.0.{subnet}.{END[node]}/30 dev {name}",
                f"link set dev {name} up",
            ]
        run("ip", "-n", node, "-batch", "-", text="\n".join(lines))
        settings = {
            "ip_forward": 1,
            "fib_multipath_hash_policy": 1,
            "fib_multipath_hash_seed": seed,
            "conf/all/rp_filter": 0,
        }
        text = "\n".join(f"echo {value} > /proc/sys/net/ipv4/{k}" for k, value in settings.items())
        run(*inside(node, "sh", "-ec", text))

    @contextmanager
    def routing(self) -> Iterator[None]:
        """
        Start both routers; stop them in the end.
        """
        with ExitStack() as stack:
            for node in LOOPBACK:
                self._configure(node)
                command = (
                    "bird",
                    "-f",
                    "-c",
                    self._file(node, "conf"),
                    "-s",
                    self._file(node, "ctl"),
                )
                log = stack.enter_context(Path(self._file(node, "log")).open("w", encoding="utf-8"))
                process = subprocess.Popen(inside(node, *command), stderr=log)
                stack.callback(process.wait)
                stack.callback(process.terminate)
            self.await_routes("ab" if self.plan["equal"] else "a")
            yield

    def cut(self, way: str) -> None:
        """
        Cut circuit a, or drain it and cut it then.
        """
        if way == "silent":
            run("ip", "link", "set", "wire-dc-a", "nomaster")
        elif way == "link-down":
            run("ip", "-batch", "-", text="link set wire-dc-a down\nlink set wire-cloud-a down")
        elif way == "session-closed":
            self._each("disable", "circuit_a")
        elif way in LOSES:
            self._lose(SENDER[way])
        else:
            run("ip", "link", "set", "wire-cloud-a", "nomaster")

    def drain(self, times: int) -> None:
        """
        Prepend the AS path on circuit a at both ends.
        """
        self.prepended["a"] = times
        for node in LOOPBACK:
            self._configure(node)
        self._each("configure")

    def restore(self, way: str) -> None:
        """
        Undo a cut.
        """
        if way == "silent":
            run("ip", "link", "set", "wire-dc-a", "master", "br-a")
        elif way == "link-down":
            run("ip", "-batch", "-", text="link set wire-dc-a up\nlink set wire-cloud-a up")
        elif way == "session-closed":
            self._each("enable", "circuit_a")
        elif way in LOSES:
            self._find_again(SENDER[way])
        else:
            run("ip", "link", "set", "wire-cloud-a", "master", "br-a")

    def _lose(self, node: str) -> None:
        """
        Lose what a router sends over circuit a: to an address that the bridge does not know.
        """
        peer = OTHER[node]
        run("ip", "link", "set", f"wire-{peer}-a", "type", "bridge_slave", "flood", "off")
        wrong = (f"10.0.{CIRCUITS['a']}.{END[peer]}", "lladdr", NOBODY, "dev", "a")
        run("ip", "-n", node, "neigh", "replace", *wrong, "nud", "permanent")

    def _find_again(self, node: str) -> None:
        peer = OTHER[node]
        run("ip", "-n", node, "neigh", "del", f"10.0.{CIRCUITS['a']}.{END[peer]}", "dev", "a")
        run("ip", "link", "set", f"wire-{peer}-a", "type", "bridge_slave", "flood", "on")

    def await_routes(self, circuits: str) -> None:
        """
        Wait until both routers forward over just these circuits, and the sessions of all are up.
        """
        expected = {node: self._gateways(node, circuits) for node in LOOPBACK}
        wait_until(
            lambda: all(self._routes(node) == expected[node] for node in LOOPBACK), self._log
        )

    def await_sessions(self) -> None:
        """
        Wait until every BGP session is up, with BFD if it is on.
        """
        wait_until(lambda: all(map(self._is_up, LOOPBACK)), self._log)

    def is_established(self) -> bool:
        """
        Say whether the router of the cloud shows the session over circuit a as established.
        """
        return "Established" in self._birdc("cloud", "show protocols circuit_a")

    def log_of(self, node: str) -> Path:
        """
        Return the log of a router.
        """
        return Path(self._file(node, "log"))

    def _gateways(self, node: str, circuits: str) -> set[str]:
        return {f"10.0.{CIRCUITS[name]}.{END[OTHER[node]]}" for name in circuits}

    def _routes(self, node: str) -> set[str]:
        words = run("ip", "-n", node, "route", "show", LOOPBACK[OTHER[node]]).split()
        return {after for word, after in pairwise(words) if word == "via"}

    def _is_up(self, node: str) -> bool:
        sessions = self._birdc(node, "show protocols").count("Established")
        bfd = [line.split() for line in self._birdc(node, "show bfd sessions").splitlines()]
        checked = sum(1 for words in bfd if len(words) > 2 and words[2] == "Up")
        return sessions == 2 and checked == (2 if self.plan["bfd"] else 0)

    def _each(self, *command: str) -> None:
        for node in LOOPBACK:
            self._birdc(node, " ".join(command))

    def _birdc(self, node: str, command: str) -> str:
        return run("birdc", "-s", self._file(node, "ctl"), command)

    def _configure(self, node: str) -> None:
        text = configuration(node, self.plan, self.prepended)
        Path(self._file(node, "conf")).write_text(text, encoding="utf-8")

    def _file(self, node: str, kind: str) -> str:
        return str(self.folder / f"{node}.{kind}")

    def _log(self) -> str:
        routes = {node: sorted(self._routes(node)) for node in LOOPBACK}
        logs = (
            Path(self._file(node, "log")).read_text(encoding="utf-8")[-500:] for node in LOOPBACK
        )
        return f"{routes} {' '.join(logs)}"


def wait_until(condition: Callable[[], bool], state: Callable[[], str]) -> None:
    deadline = clock() + PATIENCE
    while not condition():
        if clock() > deadline:
            raise TimeoutError(f"not within {PATIENCE:g} s: {state()}")
        time.sleep(0.1)


def marked(prober: subprocess.Popen[str]) -> float:
    """
    Let the prober note that a phase begins, as in a run, and return the instant.
    """
    assert prober.stdin
    assert prober.stdout
    prober.stdin.write("mark\n")
    prober.stdin.flush()
    return float(prober.stdout.readline())


def performed(
    network: Network, way: str, prober: subprocess.Popen[str], rng: random.Random
) -> Moments:
    """
    Cut circuit a in one way and restore it, each after a while of random length.
    """
    usual = "ab" if network.plan["equal"] else "a"
    network.await_sessions()
    time.sleep(rng.uniform(0.5, 1.5))
    cut = marked(prober)
    if way == "drained":
        network.drain(DRAINED)
        time.sleep(DRAIN)
    network.cut(way)
    done = clock()
    network.await_routes("b")
    moved = clock()
    time.sleep(rng.uniform(1.0, 2.0))
    stop = marked(prober)
    network.restore(way)
    if way == "drained":
        network.drain(0)
    network.await_routes(usual)
    back = clock()
    time.sleep(1.5)
    return {
        "cut": cut,
        "done": done,
        "moved": moved,
        "stop": stop,
        "back": back,
        "until": marked(prober),
    }


@contextmanager
def started(node: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """
    Start a Python program in a node's namespace; it prints a line when it is ready.
    """
    command = inside(node, sys.executable, *arguments)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield process
        finally:
            process.terminate()


def answer(process: subprocess.Popen[str], question: object) -> object:
    """
    Ask one that watches what it saw; it ends then.
    """
    answered, _ = process.communicate(json.dumps(question) + "\n")
    return json.loads(answered)


def observed(network: Network, rng: random.Random) -> Observed:
    """
    Watch all cuts of the plan.
    """
    address = LOOPBACK["cloud"]
    every = json.dumps(network.plan["every"])
    flows = "64" if network.plan["equal"] else "1"
    stream, prober = str(HERE / "lab_stream.py"), str(HERE / "lab_prober.py")
    responder = ("-m", "chaosfailover.cli", "echo", "--port", str(RESPONDER), "--host", address)
    with ExitStack() as stack:
        network.build()
        echo = stack.enter_context(started("cloud", stream, "echo", address))
        stack.enter_context(started("cloud", *responder))
        stack.enter_context(network.routing())
        sender = stack.enter_context(started("dc", stream, "send", address, flows))
        checks = stack.enter_context(started("dc", prober, address, every))
        time.sleep(1.0)
        with Watch(network.is_established, clock) as watch:
            cuts = [performed(network, way, checks, rng) for way in network.plan["ways"]]
        log = changes_in(network.log_of("cloud"), clock)
        missing = answer(echo, cuts)
        seen = answer(sender, {"cuts": cuts, "missing": missing}), answer(checks, cuts)
        overflows = sum(map(overflowed, LOOPBACK))
    document = {"overflows": overflows, "cuts": cuts, "stream": seen[0], "prober": seen[1]}
    return cast("Observed", {**document, "looks": watch.looks, "log": log})


def overflowed(node: str) -> int:
    """
    Return the kernel's counter of datagrams for which a socket of a node had no room.
    """
    lines = run(*inside(node, "cat", "/proc/net/snmp")).splitlines()
    names, values = (line.split() for line in lines if line.startswith("Udp:"))
    return int(values[names.index("RcvbufErrors")])


def main() -> None:
    plan: Plan = json.load(sys.stdin)
    rng = random.Random()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    json.dump(observed(Network(Path(sys.argv[1]), plan), rng), sys.stdout)


if __name__ == "__main__":
    main()
