"""
Writes the golden files of the report anew: python tests/data/golden/write.py
"""

import json
from pathlib import Path

from chaosfailover.report import render

HERE = Path(__file__).parent
FILES = {
    "game-day.html": ("html", "en"),
    "game-day.json": ("json", "en"),
    "game-day-en.md": ("markdown", "en"),
    "game-day-zh.md": ("markdown", "zh"),
    "game-day-en.xml": ("junit", "en"),
    "game-day-zh.xml": ("junit", "zh"),
}


def main() -> None:
    journal = json.loads((HERE / "journal.json").read_text(encoding="utf-8"))
    for name, (form, language) in FILES.items():
        (HERE / name).write_text(render([journal], form, language), encoding="utf-8")


if __name__ == "__main__":
    main()
