"""
`chaos failover example`: the experiments that come with the package.
"""

import json
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from shlex import quote

import click

from chaosfailover.cli.terminal import notice
from chaosfailover.emulator.yaml_file import parsed
from chaosfailover.errors import did_you_mean

__all__ = ["example"]

SUFFIXES = (".yaml", ".yml", ".json")


@click.command()
@click.argument("name", required=False)
@click.option(
    "-o",
    "--output-file",
    "output",
    type=click.Path(),
    metavar="FILE",
    help="A file, or a folder for NAME.yaml. Default: standard output.",
)
def example(name: str | None, output: str | None) -> None:
    """
    List the bundled experiments, or write one.

    Each is a rehearsal on the embedded emulator that runs as it is; its first lines say how to run
    it live. A file that exists is not overwritten.

    Example: chaos failover example circuit-failover -o drill.yaml
    """
    if name is None and output:
        raise click.UsageError("name an experiment to write")
    examples = _examples()
    if name is None:
        width = max(map(len, examples))
        for each, file in examples.items():
            click.echo(f"{each:<{width}}  {_about(file)}")
        return
    if name not in examples:
        raise click.UsageError(f"there is no experiment {name!r}{did_you_mean(name, examples)}")
    text = examples[name].read_text(encoding="utf-8")
    file = Path(f"{name}.yaml") if output is None else _file(output, name)
    text = text.replace(f"experiments/{name}.yaml", quote(str(file)))
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(text, file, make_folder=output.endswith("/"))


def _examples() -> dict[str, Traversable]:
    """
    Return the files of the experiments by their names.
    """
    folder = resources.files("chaosfailover") / "experiments"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(".yaml"): file for file in files if file.name.endswith(".yaml")}


def _about(file: Traversable) -> str:
    """
    Return the sentence with which an experiment begins.
    """
    first, _, _ = file.read_text(encoding="utf-8").partition("\n")
    return first.removeprefix("# ")


def _file(output: str, name: str) -> Path:
    """
    Return the file to write, whose name must have an ending that `chaos run` accepts.
    """
    path = Path(output)
    if path.is_dir() or output.endswith("/"):
        return path / f"{name}.yaml"
    if path.suffix not in SUFFIXES:
        raise click.UsageError(
            f"the file is {output!r}, expected a name that ends in {', '.join(SUFFIXES)}, "
            "or a folder, which exists or ends in /"
        )
    return path


def _as_json(text: str) -> str:
    return json.dumps(parsed(text), indent=2, ensure_ascii=False) + "\n"


def _write(text: str, output: Path, *, make_folder: bool) -> None:
    if output.exists():
        raise click.ClickException(f"{output} exists, and is not overwritten")
    try:
        if make_folder:
            output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("x", encoding="utf-8") as file:
            file.write(_as_json(text) if output.suffix == ".json" else text)
    except OSError as exc:
        raise click.ClickException(f"{output} cannot be written: {exc}") from None
    notice(f"{output} is written; to run it: chaos run {quote(str(output))}")
