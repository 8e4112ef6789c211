"""Commands that are imported when they are used: who only starts a worker waits for none of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module

import click

from rushes.examples import examples_of


class Commands(MutableMapping[str, click.Command]):
    """Commands by their names. Each is at first where it lies: `package.module`, in which it is called as it is named,
    or `package.module:name`."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            module, _, called = self._places[name].partition(":")
            command = getattr(import_module(module), called or name)
            assert isinstance(command, click.Command), f"{module} has no command {called or name}"
            command.epilog = command.epilog or examples_of(name)
            self._loaded[name] = command
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._places.setdefault(name, "")
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._places[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
