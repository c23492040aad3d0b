"""
YAML that a person should not hand in: what it is, and what is said of it, with its line.
"""

__all__ = ["DOUBLED", "HOSTILE"]

LAUGHS = [
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]" for number in range(1, 40)
]
MERGES = [
    f"m{number}: &m{number} {{<<: [*m{number - 1}, *m{number - 1}]}}" for number in range(1, 60)
]

DOUBLED = {
    "at the top": ("pc-a: 1\npc-b: 2\npc-a: 3\n", "line 3: key 'pc-a' is doubled, first on line 1"),
    "quoted": ("pc-a: 1\n'pc-a': 2\n", "line 2: key 'pc-a' is doubled, first on line 1"),
    "below": ("x:\n- y:\n    a: 1\n    a: 2\n", "line 4: key 'a' is doubled, first on line 3"),
    "in a line": ("x: {a: 1, b: 2, a: 3}\n", "line 1: key 'a' is doubled, first on line 1"),
    "of one number": ("1: a\n0x1: b\n", "line 2: key 1 is doubled, first on line 1"),
    "merge": ("x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x\n", "line 4: key '<<' is doubled, first on"),
    "in what is merged": ("x: &x {a: 1, a: 2}\ny: {<<: *x}\n", "line 1: key 'a' is doubled"),
}
"""
Name -> text, and what is said of it.
"""

HOSTILE = {
    **{f"doubled {name}": case for name, case in DOUBLED.items()},
    "billion laughs": (
        "\n".join(["a0: &a0 [x]", *LAUGHS]),
        "line 7: it holds more than 8 million characters with its aliases expanded",
    ),
    "billion merges": (
        "\n".join(["m0: &m0 {k: v}", *MERGES]),
        "it holds more than 8 million characters with its aliases expanded",
    ),
    "long text, many times": (
        f"a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 1000)}]\n",
        "line 2: it holds more than 8 million characters with its aliases expanded",
    ),
    "alias of itself": ("a: &a [*a]\n", "line 1: alias a refers to what contains it"),
    "deep in brackets": ("[" * 100_000, "line 1: "),
    "deep in braces": ("{a: " * 500 + "1" + "}" * 500, "line 1: it is nested more than 100 levels"),
    "deep in lines": (
        "\n".join(" " * depth + "a:" for depth in range(500)),
        "it is nested more than 100 levels deep, expected fewer",
    ),
    "many values": (f"[{'1,' * 3_000_000}]", "it holds more than 8 million characters"),
    "larger than can be": ("#" * 9_000_000, "it is larger than 8 MB, expected less"),
    "too large a number": ("a: 1.0e+400\n", "line 1: '1.0e+400' is not a finite number of 64 bits"),
    "infinity": ("a:\n  b: .inf\n", "line 2: '.inf' is not a finite number of 64 bits"),
    "no number": ("a: [1, .nan]\n", "line 1: '.nan' is not a finite number of 64 bits"),
    "thousands of digits": (f"a: {'9' * 5000}\n", "line 1: '9999"),
    "a million hex digits": (f"a: 0x{'f' * 1_000_000}\n", "line 1: '0xffff"),
    "a million of base 60": (f"a: 1{':59' * 1_000_000}\n", "line 1: '1:59"),
    "list as a key": ("? [a, b]\n: c\n", "line 1: a key is a list, expected text, in quotes"),
    "mapping as a key": ("a: 1\n? {b: c}\n: d\n", "line 2: a key is a mapping, expected text"),
    "null as a key": ("a: 1\nnull: b\n", "line 2: a key is a null, expected text, in quotes"),
    "no key": ("a: 1\n?\n: b\n", "line 2: a key is a null, expected text, in quotes"),
    "date as a key": ("2026-11-27: a\n", "line 1: a key is a date, expected text, in quotes"),
    "merge of no mapping": ("a: 1\n<<: 2\n", "line 2: while constructing a mapping expected"),
    "date that is none": ("a: 2024-13-45\n", "line 1: '2024-13-45' cannot be read: month must be"),
    "tag of Python": ("!!python/object:os.system {}\n", "line 1: could not determine a construct"),
    "tag that lies": ("a: !!int x\n", "line 1: 'x' cannot be read: invalid literal"),
    "two documents": ("a: 1\n---\nb: 2\n", "line 2: expected a single document"),
    "unknown alias": ("a: 1\nb: *c\n", "line 2: found undefined alias"),
    "control character": ("a: \x00\n", "unacceptable character"),
    "not closed": ("a: [b\n", "line 2: while parsing a flow sequence did not find"),
}
"""
Name -> text, and what is said of it.
"""
