"""
Finds known secrets in a text, however they were written there.

The text is decoded and compared, so that no list of encodings has to be complete: percent-encoding
of some or all characters, JSON, what Python prints, bytes as characters, Base64, and any of these
within each other.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial

__all__ = ["HIDDEN", "SHORTEST", "Needles", "Span", "hide", "needles"]

HIDDEN = "***"
SHORTEST = 6
"""Shorter values are part of too many words to be hidden wherever they occur."""

Needles = tuple[str, ...]
Span = tuple[int, int]
Decoder = tuple[re.Pattern[str], Callable[[str], str]]

ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "a": "\a", "v": "\v", "0": "\0"}


def _unquoted(written: str) -> str:
    return _character(bytes.fromhex(written.replace("%", "")))


def _unescaped(written: str) -> str:
    letter, code = written[1], written[2:].replace(r"\u", "").replace(r"\x", "")
    if letter == "x":
        return _character(bytes.fromhex(code))
    if letter == "u":
        return bytes.fromhex(code).decode("utf-16-be", "surrogatepass")
    return chr(int(code, 16)) if letter == "U" else ESCAPES.get(letter, letter)


def _character(octets: bytes) -> str:
    """
    Return the character that octets are in UTF-8, or in Latin-1 if they are none.
    """
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets[:1].decode("latin-1")


def _octets(mark: str) -> str:
    """
    Return a pattern of the octets of one character, each with a mark.
    """
    last = f"{mark}[89abAB][0-9a-fA-F]"
    more = {"[c-dC-D]": 1, "[eE]": 2, "[fF]": 3}
    several = [f"{mark}{first}[0-9a-fA-F](?:{last}){{{count}}}" for first, count in more.items()]
    return "|".join([*several, f"{mark}[0-9a-fA-F]{{2}}"])


ESCAPED = _octets(r"\\x")
# Each match is one character of the decoded text.
DECODERS: Sequence[Decoder] = (
    (re.compile(_octets("%")), _unquoted),
    (
        re.compile(
            rf"{ESCAPED}|\\u[dD][89abAB][0-9a-fA-F]{{2}}\\u[dD][c-fC-F][0-9a-fA-F]{{2}}|"
            r"""\\(?:u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|[\\"'/bfnrtav0])"""
        ),
        _unescaped,
    ),
    (
        re.compile("[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"),
        lambda written: _character(written.encode("latin-1")),
    ),
)
BASE64 = re.compile(r"[\w+/-]{8,}={0,2}", re.ASCII)
SPACES = str.maketrans("+\t\n\r", "    ")
"""Space is a plus in the queries of addresses; messages may be joined to one line."""
MOST_READINGS = 64
"""More ways to read one text are not tried, as a hostile one may be encoded without end."""


def needles(secrets: Iterable[str]) -> Needles:
    """
    Return what to look for: the secrets as they are, stripped, and decoded.
    """
    written = {form for secret in secrets for form in (secret, secret.strip())}
    readings = {text for form in written if len(form) >= SHORTEST for text, _ in _readings(form)}
    return tuple(sorted(text.translate(SPACES) for text in readings))


def hide(text: str, sought: Needles, kept: Collection[Span] = ()) -> str:
    """
    Hide every occurrence of what is sought, save within spans that are `kept`.

    A text without any is returned as it is.
    """
    found = _occurrences(text, sought) if sought and len(text) >= SHORTEST else ()
    spans = sorted(span for span in found if not any(_within(span, each) for each in kept))
    shown, end = [], 0
    for first, last in spans:
        if first >= end:
            shown += [text[end:first], HIDDEN]
        end = max(end, last)
    return "".join(shown) + text[end:]


def _within(inner: Span, outer: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _occurrences(text: str, sought: Needles) -> Iterator[Span]:
    """
    Yield where a secret is written in a text, in whatever encoding, with so many characters that
    it is no word.
    """
    for reading, decoders in _readings(text):
        if spans := [*_plain(reading, sought), *_in_base64(reading, sought)]:
            places = _places(text, decoders)
            written = ((places[first][0], places[last - 1][1]) for first, last in spans)
            yield from ((first, last) for first, last in written if last - first >= SHORTEST)


def _readings(text: str) -> Iterator[tuple[str, tuple[Decoder, ...]]]:
    """
    Yield a text as it is, and decoded in every order of the decoders, with that order.
    """
    pending: list[tuple[str, tuple[Decoder, ...]]] = [(text, ())]
    seen = {text}
    for reading, decoders in pending:  # it grows
        yield reading, decoders
        for decoder in DECODERS:
            pattern, decode = decoder
            inner = pattern.sub(partial(_decoded, decode), reading)
            if inner not in seen and len(seen) < MOST_READINGS:
                seen.add(inner)
                pending.append((inner, (*decoders, decoder)))


def _decoded(decode: Callable[[str], str], match: re.Match[str]) -> str:
    return decode(match[0])


def _places(text: str, decoders: Sequence[Decoder]) -> list[Span]:
    """
    Return where each character of a decoded text was written.
    """
    places = [(at, at + 1) for at in range(len(text))]
    for pattern, decode in decoders:
        inner, end = [], 0
        for match in pattern.finditer(text):
            inner += [
                *places[end : match.start()],
                (places[match.start()][0], places[match.end() - 1][1]),
            ]
            end = match.end()
        places = inner + places[end:]
        text = pattern.sub(partial(_decoded, decode), text)
    return places


def _plain(text: str, sought: Needles) -> Iterator[Span]:
    line = text.translate(SPACES)
    for needle in sought:
        at = line.find(needle)
        while at >= 0:
            yield at, at + len(needle)
            at = line.find(needle, at + 1)


def _in_base64(text: str, sought: Needles) -> Iterator[Span]:
    """
    Yield the words that are Base64 of a secret, such as of `user:password`.

    What comes before may be of the same characters, so all four ways to group them are tried.
    """
    long = tuple(needle for needle in sought if len(needle) >= SHORTEST)
    for match in BASE64.finditer(text):
        if any(_hold(match[0], long)):
            yield match.span()


def _hold(word: str, sought: Needles) -> Iterator[bool]:
    for first in range(4):
        letters = word[first:].rstrip("=").replace("-", "+").replace("_", "/")
        letters = letters[: -1 if len(letters) % 4 == 1 else None]
        content = b64decode(letters + "=" * (-len(letters) % 4))
        texts = content.decode("latin-1"), content.decode("utf-8", "replace")
        yield any(True for text in texts for _ in _plain(text, sought))
