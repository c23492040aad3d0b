"""
The command lines of the project's pages, read as a shell reads them.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_pages import Block, Page

__all__ = ["CommandLine", "command_lines"]

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
SEPARATORS = {"&&", "||", "|", ";", "&"}
REDIRECTIONS = {">", ">>", "<"}
WRAPPERS = {"exec", "nice", "time", "sudo"}


@dataclass(frozen=True)
class CommandLine:
    """
    A command with its arguments, the variables that it is given, and where it stands.
    """

    words: tuple[str, ...]
    place: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def program(self) -> str:
        """The command's name without its folder; that of a module after `python -m`."""
        name = Path(self.words[0]).name
        if re.fullmatch(r"python[\d.]*", name) and self.words[1:2] == ("-m",):
            return self.words[2]
        return name

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows the program."""
        return self.words[3:] if self.words[1:2] == ("-m",) else self.words[1:]


def command_lines(page: Page) -> Iterator[CommandLine]:
    """
    Yield the commands in the console blocks of a page, and those of ours in its text.
    """
    for block in page.blocks("sh", "console", "bash"):
        for line in _lines(block):
            yield from _commands(line, block.place)
    for text in page.spans():
        if re.match(r"chaos (?!failover \.\.\.)[a-z]+( |$)|FAILOVER_\w+=", text):
            yield from _commands(re.sub(r" \.\.\.|…", "", text), page.name)


def _lines(block: Block) -> Iterator[str]:
    """
    Yield the lines that are typed: those after `$` in a console, all in a script.
    """
    text = block.text.replace("\\\n", " ")
    prompts = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    yield from prompts if block.language == "console" else text.splitlines()


def _commands(line: str, place: str) -> Iterator[CommandLine]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.wordchars += "@[]{}*?,:%+!^"
    words: list[str] = []
    tokens = iter([*lexer, ";"])
    for word in tokens:
        if word in REDIRECTIONS:
            next(tokens)
        elif word not in SEPARATORS:
            words.append(word)
        elif words:
            yield _command(words, place)
            words = []


def _command(words: list[str], place: str) -> CommandLine:
    variables = {}
    rest = [*words]
    while rest and ((found := ASSIGNMENT.fullmatch(rest[0])) or rest[0] in {*WRAPPERS, "export"}):
        if found:
            variables[found[1]] = found[2]
        rest = rest[1:]
    return CommandLine(tuple(rest) or ("",), place, variables)
