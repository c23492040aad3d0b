"""
The sentences and labels that people read, in English and Chinese.
"""

from collections.abc import Mapping

from chaosfailover.errors import ArgumentError
from chaosfailover.i18n.en import ENGLISH
from chaosfailover.i18n.zh import CHINESE

__all__ = ["CATALOGUES", "check_language", "message", "words"]

CATALOGUES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "zh": CHINESE}
"""A catalogue per language, by its BCP 47 tag; all have the same keys and placeholders."""


def message(key: str, language: str = "en", **values: object) -> str:
    """
    Return a message in a language, filled in; the values stand as they are.

    Raises KeyError for a key or a placeholder that is not known.
    """
    return CATALOGUES[language][key].format_map(values)


def words(language: str, group: str) -> dict[str, str]:
    """
    Return the messages `group.*` by what follows the point.
    """
    prefix = f"{group}."
    known = CATALOGUES[language].items()
    return {key.removeprefix(prefix): said for key, said in known if key.startswith(prefix)}


def check_language(language: str) -> str:
    """
    Return a language that there is a catalogue for, or raise ArgumentError.
    """
    if language not in CATALOGUES:
        raise ArgumentError(f"language is {language!r}, expected {' or '.join(CATALOGUES)}")
    return language
