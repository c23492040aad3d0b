"""
The pages name all that the product can be told, with its defaults, and nothing that it cannot.
"""

import re
import tomllib

import pytest
from markdown_pages import GUIDES, Page, code_font, read
from places import ROOT
from product_names import (
    activities,
    activity_arguments,
    commands,
    configuration_keys,
    control_arguments,
    emulator_arguments,
    environment_variables,
    experiment_variables,
    option_defaults,
    option_values,
    options,
    target_keys,
    toolkit,
    topology_keys,
    vocabulary,
)

from chaosfailover.inspection.criteria import MEETS
from chaosfailover.verdict.journal import PEOPLE

README = read(ROOT / "README.md")
ACTIVITIES = read(ROOT / "docs" / "activities.md")
COMMANDS = read(ROOT / "docs" / "commands.md")
CONFIGURATION = read(ROOT / "docs" / "configuration.md")
EXPERIMENTS = read(ROOT / "docs" / "experiments.md")
MEASURING = read(ROOT / "docs" / "measuring.md")
VERDICT = read(ROOT / "docs" / "verdict.md")
EMULATOR = read(ROOT / "chaosfailover" / "emulator" / "README.md")

EVERY_COMMAND = sorted(commands())
EVERY_GUIDE = [pytest.param(page, id=page.name) for page in GUIDES]
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
NAMES = (r"\w*[A-Za-z]_[A-Za-z]\w*", r"^[A-Za-z][\w-]*\w$", r"^(\w+): ")
"""Names in code font: with `_`, a word alone, and the key of a setting."""
OF_OTHERS = {
    *("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),  # read by httpx
    *("verify_tls", "envs", "nohup", "Containerfile"),  # of the toolkit, Kustomize and systems
    *("True", "aliyun-python-sdk-core", "alibabacloud-cnfs-nas", "x-acs-version"),
    *("api_token", "private_key", "emulater", "FAILOVER_PORTAL_URL_PC_A"),  # examples
    "LAB_REQUIRED",  # read by our own tests
}
"""Words that stand in no code of ours."""


def shown(value: object) -> str:
    """
    Return a default as the tables show it.
    """
    if value is None or value == "" or value == () or value == {}:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def cells(cell: str) -> list[str]:
    """
    Return the parts of a cell, such as those of "`interval`, `timeout`" or "0.1, 0.9".
    """
    return [part.strip("`") for part in cell.split(", ")]


def of_command(name: str) -> Page:
    """
    Return the section of a command, whose heading is its last word.
    """
    return COMMANDS.section(name.split()[-1])


@pytest.mark.parametrize("name", EVERY_COMMAND)
def test_every_option_stands_with_its_command(name: str) -> None:
    """Options, and the values of those that take one of a few; common ones stand once for all."""
    command, pages = commands()[name], (of_command(name), COMMANDS.section("Everywhere"))
    words = {word for page in pages for word in page.words()}

    assert options(command) - words == set()
    assert option_values(command) - words == set()


@pytest.mark.parametrize("name", EVERY_COMMAND)
def test_table_of_a_command_has_its_own_options(name: str) -> None:
    """Each option exists, and its default is the number in parentheses."""
    command = commands()[name]
    defaults = option_defaults(command)
    for first, meaning in of_command(name).table("Option").rows:
        row = [option for text in code_font(first) for option in OPTION.findall(text)]
        numbers = [float(text) for text in re.findall(r"\((\d+(?:\.\d+)?)\)", meaning)]

        assert set(row) <= options(command)
        assert numbers == [defaults[option] for option in row if option in defaults]


def test_every_criterion_stands_with_the_command() -> None:
    """`--fail-on` takes criteria by name."""
    assert {*MEETS} - COMMANDS.section("inspect").words() == set()


def test_every_command_has_a_section_and_a_row() -> None:
    """The table of the commands has all of them and no other."""
    rows = [
        re.sub(r"[^\w-]", "", row[0].partition("]")[0]) for row in COMMANDS.table("Command").rows
    ]

    assert sorted(rows) == [name.split()[-1] for name in EVERY_COMMAND if name != "chaos failover"]
    assert [name for name in rows if not COMMANDS.section(name).text] == []


def test_arguments_of_the_control_have_their_rows() -> None:
    """Each with its default; a default of nothing may be explained instead."""
    rows = CONFIGURATION.table("Argument").rows
    documented = {
        name: default
        for names, defaults, _ in rows
        for name, default in zip(code_font(names), cells(defaults), strict=True)
    }
    expected = control_arguments()

    assert documented.keys() == expected.keys()
    for name, value in expected.items():
        assert documented[name] == shown(value) or (value is None and " " in documented[name])


def test_keys_of_configuration_and_secrets_stand_in_the_page() -> None:
    """So do the variables from which commands and experiments read them."""
    assert configuration_keys() - CONFIGURATION.words() == set()


def test_environment_variables_stand_in_a_page() -> None:
    """All that the package and the bundled experiments read."""
    assert environment_variables() - {word for page in GUIDES for word in page.words()} == set()


def test_variables_of_the_bundled_experiments_have_their_rows() -> None:
    """Each with its default, or with the word that each experiment has its own."""
    documented = {
        name: default
        for names, defaults, _ in EXPERIMENTS.table("Variable").rows
        for name, default in zip(code_font(names), cells(defaults) * 2, strict=False)
    }

    assert documented.keys() == experiment_variables().keys()
    for name, values in experiment_variables().items():
        assert documented[name] in {*map(shown, values)} or "own" in documented[name]


def test_settings_of_targets_have_their_rows() -> None:
    """In the table of the settings, and no other."""
    rows = MEASURING.table("Setting of a target").rows

    assert {name for row in rows for name in code_font(row[0])} == target_keys()


@pytest.mark.parametrize("name", sorted(activities()))
def test_activity_has_a_row_with_its_arguments(name: str) -> None:
    """The arguments are those of its signature, in their order and with their defaults."""
    (row,) = (
        row
        for table in ACTIVITIES.tables()
        for row in table.rows
        if name in code_font(row[0]) and table.head[0] in {"Action", "Probe", "Tolerance"}
    )
    arguments = activity_arguments(name)
    expected = [
        f"`{argument}`" if value is None else f"`{argument}` ({shown(value)})"
        for argument, value in arguments.items()
    ]

    assert re.sub(r"\(`(.*?)`\)", r"(\1)", row[1]) == ", ".join(expected)


def test_activities_of_the_pages_exist() -> None:
    """The tables of the page and of the README have each activity once, with its module."""
    tables = [
        each for each in ACTIVITIES.tables() if each.head[0] in {"Action", "Probe", "Tolerance"}
    ]
    detailed = [name for table in tables for row in table.rows for name in code_font(row[0])]
    short = {
        name: f"chaosfailover.{row[1].strip('`')}"
        for row in README.table("Activity").rows
        for name in code_font(row[0])
    }

    assert sorted(detailed) == sorted(activities())
    assert short == activities()


def test_keys_of_topologies_stand_in_the_page_of_the_emulator() -> None:
    """The emulator's own keys, those of faults and settings included."""
    assert topology_keys() - EMULATOR.words() == set()


def test_arguments_of_the_emulator_stand_in_its_page() -> None:
    """With which a test of somebody else's makes one."""
    assert emulator_arguments() - EMULATOR.words() == set()


def test_people_of_the_record_stand_in_the_page() -> None:
    """The keys of `extensions` that the record understands."""
    assert {*PEOPLE} - VERDICT.words() == set()


def test_extras_stand_in_a_page() -> None:
    """What can be installed besides."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {*project["optional-dependencies"]} - {"dev", "test"}

    assert extras - {word for page in GUIDES for word in page.words()} == set()


@pytest.mark.parametrize("page", EVERY_GUIDE)
def test_options_in_code_font_exist(page: Page) -> None:
    """An option that is named alone is one of ours, or of the toolkit."""
    every = [*commands().values(), *toolkit.commands.values()]
    known = {option for command in every for option in options(command)}
    named = {span.split()[0] for span in page.spans() if re.match(r"--?[a-z]", span)}

    assert named - known == set()


@pytest.mark.parametrize("page", EVERY_GUIDE)
def test_names_in_code_font_exist(page: Page) -> None:
    """A word alone, a key or a name with `_` stands in the code, or in an example on the page."""
    examples = {word for block in page.blocks() for word in re.findall(r"[\w-]+", block.text)}
    texts = [span for span in page.spans() if "/" not in span or " " in span]
    named = {word for text in texts for form in NAMES for word in re.findall(form, text)}

    assert named - vocabulary() - {*commands()} - examples - OF_OTHERS == set()
