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
    Return a message in a language, with its values filled in as they are.

    Raises KeyError for an unknown key or placeholder.
    """
    return CATALOGUES[language][key].format_map(values)


def words(language: str, group: str) -> dict[str, str]:
    """
    Return the messages `group.*` by what follows the point.
    """
    prefix = f"{group}."
    messages = CATALOGUES[language].items()
    return {key.removeprefix(prefix): text for key, text in messages if key.startswith(prefix)}


def check_language(language: str) -> str:
    """
    Return a language with a catalogue, or raise ArgumentError.
    """
    if language not in CATALOGUES:
        raise ArgumentError(f"language is {language!r}, expected {' or '.join(CATALOGUES)}")
    return language
