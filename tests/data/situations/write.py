"""
Writes the expected verdicts of the situations anew: python tests/data/situations/write.py

Read every line of the difference: a sentence has to be a fact of its situation.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from situations import SITUATIONS, journal_of

from chaosfailover.verdict.verdict import judge

HERE = Path(__file__).parent


def main() -> None:
    verdicts = {name: judge(journal_of(it)).as_dict() for name, it in SITUATIONS.items()}
    text = json.dumps(verdicts, indent=1, ensure_ascii=False)
    (HERE / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
