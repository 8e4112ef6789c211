"""The guard that keeps a worker alive when Redis restarts under it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from kombu import Connection
from kombu.transport import redis as transport
from kombu.transport.virtual import QoS

from workers.broker.connection import celery_url
from workers.broker.embedded import EmbeddedRedis
from workers.broker.kombu_guard import ForgivingQoS, guard_kombu


@pytest.fixture
def channel(redis_server: EmbeddedRedis) -> Iterator[Any]:
    """A channel of kombu's on a real Redis, with one message delivered and not acknowledged."""
    guard_kombu()
    with Connection(celery_url(redis_server.url)) as connection:
        each = connection.channel()
        message = Mock(delivery_tag="tag", _raw={"body": "b"}, delivery_info={"exchange": "", "routing_key": "q"})
        each.qos.append(message, "tag")
        yield each
        each.connection = None
        each.client.delete("unacked", "unacked_index")


def test_kombus_channels_are_guarded(channel: Any) -> None:
    assert transport.Channel.QoS is ForgivingQoS
    assert isinstance(channel.qos, ForgivingQoS)
    guard_kombu()
    assert transport.Channel.QoS is ForgivingQoS


@pytest.mark.parametrize("deed", ["restore", "ack", "reject", "requeue"])
@pytest.mark.parametrize("gone", ["no connection", "no client"])
def test_without_a_connection_there_is_nothing_to_give_back_and_nothing_to_fail(
    channel: Any, gone: str, deed: str
) -> None:
    assert "tag" in channel.qos._delivered
    connection = channel.connection
    channel.connection = None if gone == "no connection" else Mock(client=None)
    try:
        if deed == "restore":
            channel.qos.restore_unacked()
            assert not channel.qos._delivered
        elif deed == "ack":
            channel.qos.ack("tag")
        else:
            channel.qos.reject("tag", requeue=deed == "requeue")
    finally:
        channel.connection = connection


def test_without_the_guard_kombu_fails(channel: Any) -> None:
    """The reason for it: when this passes no more, the guard can go."""
    plain = transport.QoS(channel)
    plain._delivered.update(channel.qos._delivered)
    channel.connection, connection = Mock(client=None), channel.connection
    channel._disconnect_pools()  # as a channel does whose connection was lost
    try:
        with pytest.raises(AttributeError, match="hostname"):
            plain.restore_unacked()
        channel.qos.restore_unacked()
    finally:
        plain._on_collect.cancel()
        channel.connection = connection


def test_with_a_connection_all_is_as_ever(channel: Any) -> None:
    assert channel.client.hexists("unacked", "tag")
    channel.qos.ack("tag")
    assert not channel.client.hexists("unacked", "tag")
    assert QoS in ForgivingQoS.__mro__
