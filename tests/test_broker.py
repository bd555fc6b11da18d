"""What both apps share of the queue: its address, and how a worker counts what it has in hand."""

from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Consumer
from kombu.transport import redis as transport

from mailposture import broker
from tests.servers import ValkeyServer


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("redis://:p@127.0.0.1:6379/0", "redis://:p@127.0.0.1:6379/0"),
        ("rediss://q.example.org/0", "rediss://q.example.org/0?ssl_cert_reqs=required"),
        (
            "rediss://u:p%40@q.example.org:6380/1?ssl_ca_certs=%2Fca.pem",
            "rediss://u:p%40@q.example.org:6380/1?ssl_ca_certs=%2Fca.pem&ssl_cert_reqs=required",
        ),
        ("rediss://q/0?ssl_cert_reqs=none", "rediss://q/0?ssl_cert_reqs=none"),
    ],
)
def test_the_certificate_of_a_queue_is_looked_at_unless_somebody_says_otherwise(
    url: str, wanted: str
) -> None:
    assert broker.verified(url) == wanted


def test_a_message_that_could_not_be_acknowledged_fills_no_hand(valkey: ValkeyServer) -> None:
    broker.guard(Celery("guarded"))
    options = {**broker.TRANSPORT, "socket_timeout": 1, "socket_connect_timeout": 1}
    taken: list[Any] = []
    with Connection(valkey.url, transport_options=options) as connection:
        channel: Any = connection.channel()
        assert isinstance(channel.qos, broker.OwnQos)
        channel.basic_qos(0, 1, False)
        queue = broker.vantage_queue("frankfurt")(channel)
        queue.declare()
        connection.Producer(channel).publish({"a": 1}, exchange="", routing_key=queue.name)
        with Consumer(channel, [queue], callbacks=[lambda _, message: taken.append(message)]):
            connection.drain_events(timeout=20)
            assert len(taken) == 1
            assert not channel.qos.can_consume()
            valkey.kill()
            with pytest.raises(connection.connection_errors):
                taken[0].ack()
            assert channel.qos.can_consume()
            valkey.start()
    assert transport.Channel.QoS is broker.OwnQos
