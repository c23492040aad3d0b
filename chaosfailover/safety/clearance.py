"""
The clearance: the cuts that the preflight of this run has seen and let pass, and no others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from chaosfailover.errors import GuardError
from chaosfailover.safety.cuts import Cut

__all__ = ["Clearance"]


@dataclass(frozen=True, slots=True)
class Clearance:
    """
    What may be cut: `cuts`, unless there is a `refusal`, which then holds for every cut.
    """

    cuts: tuple[Cut, ...] = ()
    refusal: str = "the preflight has not been passed"

    @classmethod
    def of(cls, cuts: Sequence[Cut], dry: Any) -> Self:
        """
        Clear the cuts of a run, or none at all in a dry one, whatever it is that it leaves out.
        """
        said = getattr(dry, "value", dry)
        return cls(tuple(cuts), f"this is a dry run ({said}), which cuts nothing" if dry else "")

    def check(self, cut: Cut) -> None:
        """
        Raise GuardError unless this very cut was let pass.
        """
        if self.refusal:
            raise GuardError(f"{cut.test!r} is not started: {self.refusal}")
        planned = [one for one in self.cuts if one.test == cut.test]
        if not planned:
            known = ", ".join(repr(one.test) for one in self.cuts) or "no cut"
            raise GuardError(
                f"{cut.test!r} is not started: the preflight has seen {known} in the method, "
                f"and nothing of {cut}"
            )
        if not any(one.takes_the_same_as(cut) for one in planned):
            raise GuardError(
                f"{cut.test!r} is not started: it would cut {cut}, "
                f"but the preflight has seen it cut {planned[0]}"
            )
