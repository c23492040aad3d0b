"""
Counts and lists, as the READMEs of a plan say them.
"""

from collections.abc import Iterable

__all__ = ["counted", "in_minutes", "listed"]


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def in_minutes(minutes: float) -> str:
    return counted(-int(-minutes // 1), "minute")


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"
