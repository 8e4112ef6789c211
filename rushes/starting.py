"""`rushes init` and `rushes schema`: what somebody needs who begins to write a manifest."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from jobs import schema as manifest_schema
from jobs.errors import RushesError
from jobs.reading.loading import load_text
from jobs.takes.naming import RESERVED_BATCHES, name_fault

KINDS = ("sweep", "grid")
"""The starters there are, each a file in `starters/`; the first is the one for who doesn't say."""


class NotWritten(RushesError):
    """A file is in the way, or the folder can't be written to. Nothing was changed."""

    exit_code = 2


@click.command()
@click.argument("name", default="first-batch")
@click.option(
    "--kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True, help="What the manifest is to be for."
)
def init(name: str, kind: str) -> None:
    """Write a commented manifest to start from, NAME.yaml, for the batch NAME. Overwrites nothing."""
    batch = name.removesuffix(".yaml")
    if (fault := name_fault(batch, reserved=RESERVED_BATCHES)) is not None:
        raise click.UsageError(f"{fault} NAME is the batch's name and not a path.")
    path, beside = Path(f"{batch}.yaml"), Path(manifest_schema.FILE_NAME)
    _write(path, starter(kind, batch))
    lines = [f"wrote {path}"]
    if not beside.exists():
        _write(beside, manifest_schema.text())
        lines.append(f"wrote {beside}, from which editors complete what you write")
    click.echo("\n".join(lines))
    click.echo(f"\nLook what it comes to:    rushes plan {path}\nRehearse it, at no cost:  rushes run --sandbox {path}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of manifests, for editors."""
    click.echo(manifest_schema.text(), nl=False)


def starter(kind: str, batch: str) -> str:
    """The starter of that kind, for a batch of that name."""
    text = resources.files("rushes").joinpath("starters", f"{kind}.yaml").read_text(encoding="utf-8")
    # A name that YAML would read as a number or a truth is a name all the same once it is in quotes.
    plain = batch[0].isalpha() and batch.lower() not in ("true", "false", "null")
    written = batch if plain else f'"{batch}"'
    text = text.replace("batch: NAME", f"batch: {written}").replace(" FILE", f" {batch}.yaml")
    load_text(text, f"the starter {kind}")
    return text


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise NotWritten(f"{path} is there already, and nothing was written; take another name") from None
    except OSError as error:
        raise NotWritten(f"{path} can't be written: {error.strerror}") from None
