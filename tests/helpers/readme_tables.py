"""
The tables of the emulator's README, generated from the emulator's own tables.

`python tests/helpers/readme_tables.py` writes them into the README.
"""

from collections.abc import Iterable, Iterator
from importlib import resources
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import get_type_hints

from chaosfailover.emulator.error_codes import ERROR_CODES
from chaosfailover.emulator.faults import FAULTS
from chaosfailover.emulator.operations.products import VPC
from chaosfailover.emulator.operations.table import OPERATIONS
from chaosfailover.emulator.settings import Settings
from chaosfailover.emulator.topology import BUNDLED, load
from chaosfailover.emulator.web.admin import PREFIX, ROUTES

__all__ = ["README", "rewritten"]

README = Path(str(resources.files("chaosfailover.emulator") / "README.md"))

Rows = Iterator[tuple[str, ...]]


def coverage() -> Rows:
    """
    Yield the operations and their parameters, each with its source.
    """
    for name, operation in OPERATIONS.items():
        product = operation.product
        of = "" if product == VPC else f"of {product.name}, version {product.version}"
        remark = "; ".join(filter(None, (of, operation.remark)))
        yield (f"**{name}**", "", "", operation.source, remark)
        for (kind, source, note), alike in groupby(
            operation.parameters, attrgetter("kind", "source", "note")
        ):
            parameters = (f"**{each.name}**" if each.required else each.name for each in alike)
            yield (name, ", ".join(parameters), kind, source, note)


def errors() -> Rows:
    """
    Yield the error codes.
    """
    for code, (message, status, source) in ERROR_CODES.items():
        yield (f"`{code}`", str(status), message, source)


def settings() -> Rows:
    """
    Yield the settings with their defaults.
    """
    defaults = Settings()
    for name, hint in get_type_hints(Settings, include_extras=True).items():
        yield (f"`{name}`", f"`{getattr(defaults, name)!r}`", hint.__metadata__[1])


def faults() -> Rows:
    """
    Yield the kinds of faults.
    """
    for name, kind in FAULTS.items():
        keys = ", ".join(f"`{key}`" for key in kind.takes)
        yield (f"`{name}`", kind.stage.name, keys, kind.meaning)


def admin() -> Rows:
    """
    Yield the routes of the admin interface.
    """
    for (method, path), route in ROUTES.items():
        yield (f"`{method} {PREFIX}/{path}`", " ".join((route.__doc__ or "").split()))


def topologies() -> Rows:
    """
    Yield the bundled topologies.
    """
    for name in BUNDLED:
        yield (f"`{name}`", load(name).title)


TABLES = {
    "topologies": (("topology", "what it shows"), topologies),
    "settings": (("setting", "default", "meaning"), settings),
    "faults": (("fault", "stage", "its keys", "what the client meets"), faults),
    "admin": (("request", "does"), admin),
    "coverage": (("operation", "parameter", "kind", "source", "note"), coverage),
    "errors": (("code", "HTTP", "message", "source"), errors),
}
"""
Name of a table in the README -> its head and its rows.
"""


def rewritten(text: str) -> str:
    """
    Return a README with all its tables up to date.
    """
    for name, (head, rows) in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}{_table(head, rows())}{end}{after}"
    return text


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")
