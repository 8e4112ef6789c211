"""The page of the commands, from the same words as their `--help`."""

from __future__ import annotations

import inspect

import click

from rushes.command import GROUPS, cli
from rushes.reference.writing import filled, table


def commands() -> str:
    """The page of the commands: first all of them at a glance, then each with its options."""
    return filled(
        "commands.md",
        glance="\n\n".join(_group(title, names) for title, names in GROUPS.items()),
        commands="\n".join(_command(name, cli.commands[name]) for name in sorted(cli.commands)),
    )


def _group(title: str, names: tuple[str, ...]) -> str:
    rows = [(f"[`{name}`](#{name})", _first_sentence(cli.commands[name])) for name in names]
    return f"**{title}**\n\n{table(('command', ''), rows)}"


def _first_sentence(command: click.Command) -> str:
    paragraph = " ".join(inspect.cleandoc(command.help or "").split("\n\n")[0].split())
    return _cell(paragraph.split(". ")[0].rstrip(".") + ".")


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    usage = " ".join(["rushes", name, *command.collect_usage_pieces(context)])
    text = inspect.cleandoc(command.help or "")
    lines = [f"### {name}\n", f"    {usage}\n", *(f"{_paragraph(each)}\n" for each in text.split("\n\n"))]
    if command.epilog:
        lines += [f"{_paragraph(command.epilog)}\n"]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        lines += [table(("option", ""), [_option(each, context) for each in options]), ""]
    return "\n".join(lines)


def _paragraph(text: str) -> str:
    """As Markdown: what click is told not to wrap (`\\b`) is code."""
    if not text.startswith("\b\n"):
        return text
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines()[1:])


def _option(option: click.Option, context: click.Context) -> tuple[str, str]:
    written, said = option.get_help_record(context) or ("", "")
    return f"`{_cell(written)}`", _cell(" ".join(said.split()))


def _cell(text: str) -> str:
    return text.replace("|", " or ")
