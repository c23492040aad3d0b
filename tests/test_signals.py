"""
A signal ends what the main thread does, wherever it lands.
"""

import subprocess
import sys

import pytest
from live import default_signals

# A signal that arrives in a weak reference's callback or in a finalizer: Python drops what is
# raised there. A second exception of the callback's own is reported as ever.
PROGRAM = """
import os, signal, sys, threading, time, weakref
from chaosfailover.signals import Interruption
class Thing:
    pass
class Finalized:
    def __del__(self):
        time.sleep(0.6)
class Broken:
    def __del__(self):
        raise ValueError
def called(_):
    time.sleep(0.6)
def slow_hook(_):
    time.sleep(0.6)
def nudge_always():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        os.kill(os.getpid(), signal.SIGURG)
        time.sleep(1e-5)
place = sys.argv[1]
if place == "hook":
    sys.unraisablehook = slow_hook
if place == "nudges":
    threading.Thread(target=nudge_always, daemon=True).start()
interruption = Interruption(lambda name: None, lambda: None, lambda: True)
assert interruption.install()
thing = {"finalizer": Finalized, "hook": Broken}.get(place, Thing)()
reference = weakref.ref(thing, called) if isinstance(thing, Thing) else None
signum = signal.Signals[sys.argv[2]]
threading.Timer(0.3, os.kill, (os.getpid(), signum)).start()
try:
    del thing
    time.sleep(30)
    print("slept over")
except (KeyboardInterrupt, SystemExit) as exc:
    print(type(exc).__name__)
interruption.put_back()
"""


# The signal arrives when the import system has taken its lock, and would not give it back.
IMPORTING = """
import operator, signal, sys, threading, time, types
from functools import partial
from importlib import _bootstrap
from chaosfailover.signals import Interruption
interruption = Interruption(lambda name: None, lambda: None, lambda: True)
assert interruption.install()
system = _bootstrap._imp
steps = [
    system.acquire_lock,
    partial(setattr, _bootstrap, "_imp", system),
    partial(signal.raise_signal, signal.SIGINT),
]
locked_once = types.ModuleType("_imp")
locked_once.__dict__.update(vars(system), acquire_lock=partial(list, map(operator.call, steps)))
_bootstrap._imp = locked_once
try:
    import colorsys
    print("imported")
    time.sleep(30)
except KeyboardInterrupt:
    print("KeyboardInterrupt")
other = threading.Thread(target=__import__, args=("no_such_module",), daemon=True)
threading.excepthook = lambda raised: print(raised.exc_type.__name__)
other.start()
other.join(10)
print("ended", not other.is_alive())
interruption.put_back()
"""


def test_signal_leaves_the_import_system_in_order() -> None:
    """It is raised once the import is over: the lock would keep every other thread from its end."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        preexec_fn=default_signals,
    )

    expected = ["imported", "KeyboardInterrupt", "ModuleNotFoundError", "ended True"]
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize("place", ["callback", "finalizer", "hook", "nudges"])
@pytest.mark.parametrize(
    ("signum", "expected"), [("SIGINT", "KeyboardInterrupt"), ("SIGTERM", "SystemExit")]
)
def test_signal_that_python_drops_is_raised_again(place: str, signum: str, expected: str) -> None:
    """The guard has stopped the tests, and the run must not go on."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, place, signum],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        # A shell's background job, which these tests may be, ignores some signals.
        preexec_fn=default_signals,
    )

    assert (done.stdout, done.stderr) == (f"{expected}\n", "")
