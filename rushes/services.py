"""`rushes worker`, `flower`, `webhooks` and `sandbox`: what runs for as long as it is needed."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from workers.broker.addresses import redis_url, state_folder
from workers.broker.connection import connect, prove
from workers.broker.queues import queue_names
from workers.clock import SystemClock
from workers.engine.room import WaitingRoom
from workers.errors import SettingsError
from workers.logs.writing import begin
from workers.monitoring import flowerconfig
from workers.monitoring.flower_keeping import USER, FlowerFolder
from workers.monitoring.metrics_server import serving
from workers.sandbox.options import SandboxOptions
from workers.settings import environment, load_settings
from workers.store import open_store
from workers.supervisor import Supervisor, end_when_orphaned


@click.command()
@click.option("--concurrency", default=32, show_default=True, help="Submits and polls at once.")
@click.option("--collectors", default=8, show_default=True, help="Downloads at once.")
@click.option("--loglevel", default="info", show_default=True)
def worker(concurrency: int, collectors: int, loglevel: str) -> None:
    """Work for any number of batches, until it is told to end (SIGTERM finishes the steps in hand).

    Run as many as you like, on as many machines as you like: limits hold across all of them.
    """
    environ = environment(os.environ, Path.cwd())
    settings = load_settings(os.environ, Path.cwd())
    url = redis_url(settings, environ)
    begin(settings.log_format, settings.secret_values(), level=loglevel)
    client = connect(url, retries=4)
    for warning in prove(client, url):
        logging.warning(warning)
    client.close()
    open_store(settings.store)
    steps, collect = queue_names(settings)
    place = f"{socket.gethostname()}-{os.getpid()}"
    supervisor = Supervisor(
        {
            "steps": ["work", "-Q", steps, "-c", str(concurrency), "-n", f"steps@{place}", "-l", loglevel],
            "collect": ["work", "-Q", collect, "-c", str(collectors), "-n", f"collect@{place}", "-l", loglevel],
        },
        clock=SystemClock(),
        environ=os.environ,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    with serving(settings):
        supervisor.run()


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--address", default="127.0.0.1", show_default=True)
@click.option("--port", default=5555, show_default=True)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for what it has seen, so that it is still there after a restart.  [default: beside the store's state]",
)
@click.option("--forget", is_flag=True, help="Keep nothing: begin empty, and end so.")
@click.option("--no-password", is_flag=True, help="Let everyone of this machine look.")
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def flower(address: str, port: int, data: Path | None, forget: bool, no_password: bool, more: tuple[str, ...]) -> None:
    """Monitor the workers in a browser. RUSHES_FLOWER_AUTH=user:password protects it.

    Where that isn't set, a password is made up, kept in a file, and the file named. MORE are options of Flower's own,
    such as --url_prefix=flower.
    """
    settings = load_settings(os.environ, Path.cwd())
    environ = dict(os.environ)
    if settings.flower_auth is None and address not in ("127.0.0.1", "localhost", "::1"):
        raise SettingsError(
            f"Flower would be open to everyone at {address}: set RUSHES_FLOWER_AUTH=user:password, "
            "or leave --address at 127.0.0.1"
        )
    if forget and data is not None:
        raise click.UsageError("--forget keeps nothing, and --data says where to keep it: give one of them")
    folder = data or state_folder(settings.store, environ) / f"flower-{settings.namespace}"
    arguments = ["flower", f"--conf={flowerconfig.__file__}", f"--address={address}", f"--port={port}"]
    if not forget:
        arguments += ["--persistent=True", f"--db={FlowerFolder(folder).tasks}"]
    # Flower reads it from here; on the command line anyone could read it.
    if settings.flower_auth is not None:
        environ["FLOWER_BASIC_AUTH"] = _credentials(settings.flower_auth.get_secret_value())
    elif not no_password:
        keeping = FlowerFolder(folder)
        environ["FLOWER_BASIC_AUTH"] = keeping.credentials(lambda: secrets.token_urlsafe(24))
        click.echo(f"flower at http://{address}:{port}: user {USER}, the password is in {keeping.password}")
        sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-P", "-m", "workers", *arguments, *more], environ)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8790, show_default=True, help="0 takes a free one.")
def webhooks(host: str, port: int) -> None:
    """Receive providers' calls, each of which is a hint to ask how a job is.

    Put a proxy with TLS in front, and set RUSHES_WEBHOOKS_URL to its address.
    """
    from workers.webhooks.server import serve  # aiohttp's server is of no use to the other commands

    clock = SystemClock()
    end_when_orphaned(os.environ, clock)
    settings = load_settings(os.environ, Path.cwd())
    begin(settings.log_format, settings.secret_values(), level="info")
    client = connect(redis_url(settings, environment(os.environ, Path.cwd())))
    try:
        room = WaitingRoom(client, settings.namespace)
        serve(settings, room, host, port, lambda url: click.echo(f"webhooks at {url}"), clock=clock)
    finally:
        client.close()


def _credentials(auth: str) -> str:
    """`auth` as Flower takes it, which cuts it at every comma and lets in whoever sends one of the pieces."""
    for piece in auth.split(","):
        user, _, password = piece.partition(":")
        if not user or not password:
            raise SettingsError(
                "RUSHES_FLOWER_AUTH: write user:password, or several of them with commas between, none of which may "
                "stand in a password"
            )
    return auth


def _options(command: click.Command) -> click.Command:
    """Give the command an option for each of the sandbox's own, with its default."""
    for field in fields(SandboxOptions):
        if field.name in ("cache", "state"):
            continue
        default = None if field.default is MISSING else field.default
        kind = {"int": int, "float": float, "bool": bool}.get(str(field.type).partition(" |")[0], str)
        name = f"--{field.name.replace('_', '-')}"
        option = click.Option(
            [name], type=kind, default=default, show_default=default is not None, is_flag=kind is bool
        )
        command.params.append(option)
    return command


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8787, show_default=True, help="0 takes a free one.")
@click.option("--state", type=click.Path(path_type=Path), help="File in which accepted jobs outlive the sandbox.")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder for the videos that were made.")
@click.option("--announce", type=click.Path(path_type=Path), help="File to write its address into once it answers.")
def sandbox(
    host: str, port: int, state: Path | None, cache: Path | None, announce: Path | None, **options: Any
) -> None:
    """Serve the sandbox alone: an imitation of the providers that renders real videos and takes no money.

    GET /sandbox/account tells what it has billed.
    """
    from workers.sandbox.server import serve  # aiohttp's server is of no use to the other commands

    end_when_orphaned(os.environ, SystemClock())
    cached = cache or Path(tempfile.gettempdir()) / f"rushes-clips-{os.getuid()}"

    def say(url: str) -> None:
        if announce is not None:
            announce.write_text(url)
        click.echo(f"sandbox at {url}")

    serve(SandboxOptions(cache=cached, state=state, **options), host, port, say)


_options(sandbox)
