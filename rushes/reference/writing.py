"""How pages are put together: a text with gaps, and tables to fill them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Sequence
from importlib import resources

_WRITTEN = "Written by `python -m rushes.reference docs/reference`; change the code and run that again."


def filled(name: str, **gaps: str) -> str:
    """The page of this name in `pages/`, each `{{gap}}` filled. Raises `ValueError` where gaps and text don't match."""
    text = resources.files(__package__).joinpath("pages", name).read_text(encoding="utf-8")
    for gap, said in {"written": _WRITTEN, **gaps}.items():
        if f"{{{{{gap}}}}}" not in text:
            raise ValueError(f"pages/{name} has no {{{{{gap}}}}}")
        text = text.replace(f"{{{{{gap}}}}}", said)
    return text


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, without a newline at its end."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("| --- ", "|---") for cells in lines)


def docstrings(described: type) -> dict[str, str]:
    """What stands under each attribute of a class, in one line each."""
    [found] = [each for each in ast.parse(inspect.getsource(described)).body if isinstance(each, ast.ClassDef)]
    said = {}
    for before, after in zip(found.body, found.body[1:], strict=False):
        match before, after:
            case (
                ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                said[name] = " ".join(text.split())
    return said
