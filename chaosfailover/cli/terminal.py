"""
Text for a terminal: names come from the cloud and may contain anything.
"""

from unicodedata import combining, east_asian_width

__all__ = ["padded", "plain", "width"]


def plain(text: str) -> str:
    """
    Return a text with every control character replaced, so that none affects the terminal.
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def width(text: str) -> int:
    """
    Return the columns that a text takes: two for a wide character, none for a combining one.
    """
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in ("W", "F") else 1 for char in text
    )


def padded(text: str, columns: int) -> str:
    """
    Return a text with trailing spaces up to a width.
    """
    return text + " " * (columns - width(text))
