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
def called(_):
    time.sleep(0.6)
interruption = Interruption(lambda name: None, lambda: None, lambda: True)
assert interruption.install()
thing = Thing() if sys.argv[1] == "callback" else Finalized()
reference = weakref.ref(thing, called) if sys.argv[1] == "callback" else None
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


@pytest.mark.parametrize("place", ["callback", "finalizer"])
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
