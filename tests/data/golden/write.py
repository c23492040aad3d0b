"""
Writes the golden files of the report anew: python tests/data/golden/write.py
"""

import json
from pathlib import Path

from chaosfailover.i18n import CATALOGUES
from chaosfailover.report import render

HERE = Path(__file__).parent
SUFFIXES = {"html": "html", "markdown": "md", "junit": "xml", "json": "json"}


def main() -> None:
    journal = json.loads((HERE / "journal.json").read_text(encoding="utf-8"))
    for form, suffix in SUFFIXES.items():
        for language in CATALOGUES:
            file = HERE / f"game-day-{language}.{suffix}"
            file.write_text(render([journal], form, language), encoding="utf-8")


if __name__ == "__main__":
    main()
