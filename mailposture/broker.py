"""Queue names and broker options, without Django: the central and the vantage apps share them.

On one broker the shortest visibility timeout of all apps wins, so it stands here once. It is long
because redelivery is not what brings lost work back: the lease in our tables is.
"""

import os
import time
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from celery import Celery
from celery.exceptions import InvalidTaskError
from celery.signals import celeryd_init
from celery.worker.request import Request
from kombu import Exchange, Queue
from kombu.transport import redis as transport
from kombu.transport import virtual

CENTRAL: Final = "central"
# Readings wait on other people's servers; results must not wait behind them.
READING: Final = "reading"
# Mails wait on other people's servers too, and reports take their time.
ERRANDS: Final = "errands"
RUN_SHARD: Final = "mailposture.vantage.run_shard"
SAY_HELLO: Final = "mailposture.vantage.say_hello"
TAKE_RESULT: Final = "mailposture.tasks.take_result"
TAKE_HELLO: Final = "mailposture.tasks.take_hello"

TRANSPORT: Final[dict[str, Any]] = {
    "visibility_timeout": 3600,
    # A task of a worker killed with -9 comes back in about 10 s with these, in 104 s without.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 2,
    # The default of 300 can stall redelivery for five minutes when the holder of the lock died.
    "unacked_mutex_expire": 20,
    # Kombu's default waits for ever on a half-open connection, from a web request too.
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "health_check_interval": 25,
    # One list for each queue, and not one for each of four priorities that nobody uses.
    "priority_steps": [0],
}

COMMON: Final[dict[str, Any]] = {
    "task_serializer": "json",
    "accept_content": ["json"],
    "result_backend": None,
    "task_ignore_result": True,
    "task_acks_late": True,
    # A prefork child killed with -9 never gave its task back without this (docs/decisions).
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_soft_shutdown_timeout": 5,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_transport_options": TRANSPORT,
    "task_create_missing_queues": False,
    "enable_utc": True,
    "timezone": "UTC",
}


class Checked(Request):
    """A received message that was looked at before the worker's loop relies on it.

    Celery reads time limits and the id of a message outside of what it guards: an odd one ended
    the whole worker, came back with its restart, and ended it again. Here it is one more invalid
    task, which the worker logs and drops.
    """

    def __init__(self, message: Any, *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(message, *args, **kwargs)
            soft, hard = self.time_limits
            hash((self.id, soft, hard))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise InvalidTaskError(f"a message that is no task: {type(error).__name__}") from error


@celeryd_init.connect(weak=False)
def _for_this_user_alone(**_: Any) -> None:
    """What a worker writes is for its user alone, also where no supervisor saw to that."""
    os.umask(0o077)


def guard(app: Celery) -> None:
    """Make every task of this app read its messages through `Checked`, and every worker keep
    count of them by `OwnQos`.
    """
    app.Task.Request = f"{__name__}:{Checked.__name__}"
    transport.Channel.QoS = OwnQos


class OwnQos(transport.QoS):
    """What a worker has in hand. Two things are not as in kombu."""

    channel: Any
    _vrestore_count: int

    def ack(self, delivery_tag: str) -> None:
        """Count a message as done, also where the broker could not be told.

        A worker that may have one in hand else counts it for ever, takes nothing more, and by
        that never notices that it is cut off. The broker brings the message back after an hour,
        when it is too old to be done, or does no harm a second time.
        """
        try:
            super().ack(delivery_tag)
        except self.channel.connection_errors:
            virtual.QoS.ack(self, delivery_tag)
            raise

    def restore_visible(self, start: int = 0, num: int | None = 10, interval: int = 10) -> None:
        """Put back what was handed out so long ago that its worker must have died.

        Without a lock: to release one runs a script at the broker, which an account of a vantage
        point must not do. Two who find the same message are told apart when they put it back.
        """
        self._vrestore_count += 1
        if (self._vrestore_count - 1) % (interval or 1):
            return
        latest = time.time() - self.visibility_timeout
        with self.channel.conn_or_acquire() as client:
            for tag in client.zrange(
                self.unacked_index_key,
                latest,
                0,
                desc=True,
                byscore=True,
                offset=num and start,
                num=num,
            ):
                self.restore_by_tag(tag, client)


def own_keys(slug: str) -> dict[str, str]:
    """Where a vantage point's worker keeps what it has in hand: by itself, since the others'
    orders are none of its business.
    """
    return {
        "unacked_key": f"vantage.{slug}.unacked",
        "unacked_index_key": f"vantage.{slug}.unacked_index",
        "unacked_mutex_key": f"vantage.{slug}.unacked_mutex",
    }


def stand_alone(app: Celery, slug: str) -> None:
    """Let the worker of a place touch no key of the broker but those of its own account."""
    app.conf.update(
        broker_transport_options={**TRANSPORT, **own_keys(slug)},
        # The queues of a place are bound to no exchange, which would be more keys.
        task_default_exchange="",
        # What was seen is worth waiting for: some minutes, after which the claim has ended anyhow.
        task_publish_retry_policy={
            "max_retries": 60,
            "interval_start": 0.5,
            "interval_step": 0.5,
            "interval_max": 3,
        },
    )


def verified(url: str) -> str:
    """The address of a queue, with the server's certificate looked at where it is TLS: kombu
    takes any, unless it is told not to.
    """
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    if parts.scheme != "rediss" or "ssl_cert_reqs" in given:
        return url
    return urlunsplit(parts._replace(query=urlencode({**given, "ssl_cert_reqs": "required"})))


def queue(name: str) -> Queue:
    """One queue with an exchange of its own, so that nothing is routed by accident."""
    return Queue(name, Exchange(name, type="direct"), routing_key=name)


def vantage_queue(slug: str) -> Queue:
    """The queue that only this vantage point's worker reads."""
    name = f"vantage.{slug}"
    return Queue(name, Exchange(""), routing_key=name)


def send(app: Celery, task: str, argument: Any, to: Queue, *, expires: float | None = None) -> None:
    """Put one message with one argument into one queue, which need not be known to the app."""
    # The types of Celery name strings only; a Queue is what its router takes as it is. It is
    # declared by whoever reads it: a place may write to the centre's queue and do nothing else.
    app.send_task(task, [argument], queue=to, expires=expires, declare=[])  # type: ignore[arg-type]
