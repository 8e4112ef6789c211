"""Writes the reference from what the code has: `python -m rushes.reference docs/reference`."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path

import click

from rushes import exits
from rushes.command import cli
from workers.settings import _OF_PROVIDER, _OWN, ProviderSettings, Settings

_WRITTEN = "Written by `python -m rushes.reference docs/reference`; change the code and run that again.\n"


def commands() -> str:
    """The page of the commands, and of how they end."""
    parts = ["# Commands\n", _WRITTEN]
    for name in sorted(cli.commands):
        parts.append(_command(name, cli.commands[name]))
    parts += ["## Exit codes\n", "Where several hold, the one named first is told, but for 0.\n"]
    parts.append("| code | name | |\n|---|---|---|")
    parts += [f"| {int(code)} | `{code.name}` | {said} |" for code, said in zip(exits.Exit, _meanings(), strict=True)]
    return "\n".join(parts) + "\n"


def settings() -> str:
    """The page of the settings, with their types and bounds as they are checked."""
    parts = ["# Settings\n", _WRITTEN, "| variable | in `rushes.toml` | type | default |\n|---|---|---|---|"]
    parts += [_setting(variable, field, Settings) for field, variable in _OWN.items()]
    parts.append(
        "\nBy provider, with its name in place of `<PROVIDER>`, and in `rushes.toml` in a table of that name:\n"
    )
    parts.append("| variable | in `rushes.toml` | type | default |\n|---|---|---|---|")
    for field in _OF_PROVIDER:
        parts.append(_setting(f"RUSHES_<PROVIDER>_{field.upper()}", field, ProviderSettings))
    return "\n".join(parts) + "\n"


PAGES = {"commands.md": commands, "settings.md": settings}


def main(arguments: list[str]) -> None:
    """Write all pages into the folder that is named."""
    for name, page in PAGES.items():
        (Path(arguments[0]) / name).write_text(page(), encoding="utf-8")


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    usage = " ".join(["rushes", name, *command.collect_usage_pieces(context)])
    text = inspect.cleandoc(command.help or "")
    lines = [f"## {name}\n", f"    {usage}\n", f"{text}\n"]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        lines.append("| option | |\n|---|---|")
        lines += [_option(each, context) for each in options]
        lines.append("")
    return "\n".join(lines)


def _option(option: click.Option, context: click.Context) -> str:
    written, said = option.get_help_record(context) or ("", "")
    return f"| `{written.replace('|', ' or ')}` | {' '.join(said.split()).replace('|', ' or ')} |"


def _setting(variable: str, field: str, model: type[Settings] | type[ProviderSettings]) -> str:
    found = model.model_fields[field]
    secret = "SecretStr" in str(found.annotation)
    kind = "text, secret" if secret else _kind(found.annotation)
    bounds = ", ".join(_bound(each) for each in found.metadata if _bound(each))
    default = "" if found.is_required() or found.default is None else f"`{found.default}`"
    return f"| `{variable}` | `{field}` | {kind}{f', {bounds}' if bounds else ''} | {default} |"


def _kind(annotation: object) -> str:
    text = str(annotation)
    if "Literal" in text:
        return " or ".join(f"`{each}`" for each in re.findall(r"'(\w+)'", text))
    for name, said in (("Amount", "amount"), ("Path", "path"), ("bool", "true or false"), ("float", "number")):
        if name in text:
            return said
    return "whole number" if "int" in text else "text"


def _bound(metadata: object) -> str:
    for name, said in (("ge", "from {}"), ("gt", "above {}"), ("le", "up to {}"), ("pattern", "as `{}`")):
        value = getattr(metadata, name, None)
        if value is not None:
            return said.format(value)
    return ""


def _meanings() -> list[str]:
    [codes] = [each for each in ast.parse(inspect.getsource(exits)).body if isinstance(each, ast.ClassDef)]
    return [
        ast.literal_eval(said.value)
        for before, said in zip(codes.body, codes.body[1:], strict=False)
        if isinstance(before, ast.Assign) and isinstance(said, ast.Expr)
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
