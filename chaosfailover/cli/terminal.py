"""
Text as a terminal shows it: names come from the cloud, and may hold anything.
"""

from unicodedata import combining, east_asian_width

__all__ = ["padded", "plain", "width"]


def plain(text: str) -> str:
    """
    Return a text in which nothing moves the cursor, ends the line or changes a colour.
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def width(text: str) -> int:
    """
    Return how many columns a text takes; a wide character takes two, a combining one none.
    """
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in ("W", "F") else 1 for char in text
    )


def padded(text: str, columns: int) -> str:
    """
    Fill a text up with spaces.
    """
    return text + " " * (columns - width(text))
