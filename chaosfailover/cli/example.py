"""
`chaos failover example`: the experiments that come with the package.
"""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from chaosfailover.cli.terminal import notice

__all__ = ["example"]


@click.command()
@click.argument("name", required=False)
@click.option(
    "-o",
    "--output-file",
    "output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Default: standard output.",
)
def example(name: str | None, output: Path | None) -> None:
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
        raise click.UsageError(
            f"there is no experiment {name!r}, expected one of {', '.join(examples)}"
        )
    text = examples[name].read_text(encoding="utf-8")
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(text.replace(f"experiments/{name}.yaml", str(output)), output)


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


def _write(text: str, output: Path) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.ClickException(f"{output} exists, and is not overwritten") from None
    except OSError as exc:
        raise click.ClickException(f"{output} cannot be written: {exc}") from None
    notice(f"{output} is written; to run it: chaos run {output}")
