"""`rushes completion`: what lets a shell complete our commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what lets SHELL complete commands and options.

    \b
    bash: echo 'eval "$(rushes completion bash)"' >> ~/.bashrc     (bash 4.4 or newer)
    zsh:  echo 'eval "$(rushes completion zsh)"' >> ~/.zshrc
    fish: rushes completion fish > ~/.config/fish/completions/rushes.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click has one for each of these"
    click.echo(kind(context.find_root().command, {}, "rushes", "_RUSHES_COMPLETE").source())
