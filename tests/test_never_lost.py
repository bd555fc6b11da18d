"""Work survives what kills its workers: nothing is lost, nothing doubled, back within a minute.

Each test breaks the running demo in the middle of a shard, which a delay in the lab makes long.
"""

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psutil
import pytest
import redis

from tests.demos import Demo
from tests.servers import until

MINUTE = 60.0
OUT = """
    select s.id from mailposture_shard s join mailposture_vantagepoint v
    on v.id = s.vantage_point_id join mailposture_tenant t on t.id = s.tenant_id
    where v.slug = 'stranger' and t.slug = 'contoso'
    and s.attempt = 1 and s.done_at is null and s.aside_at is null
"""


@pytest.fixture(scope="module", autouse=True)
def slow_lab(demo: Demo) -> None:
    """Every reply of contoso's front ends waits, so that a shard takes some seconds."""
    until(lambda: demo.rows("select id from mailposture_observation limit 1"), MINUTE)
    done = demo.manage("lab", "fault", "contoso", "delay", "--milliseconds", "500")
    assert done.returncode == 0, done.stderr


def in_the_middle(demo: Demo) -> int:
    """A shard of contoso that its vantage worker is at this moment."""
    found = until(lambda: demo.rows(OUT), MINUTE)
    time.sleep(1.0)  # the message is in the worker's hands, the conversations are under way
    return int(found[0][0])


def back(demo: Demo, shard: int) -> float:
    """Wait until the shard is done; return for how long."""
    began = time.monotonic()
    query = "select attempt from mailposture_shard where id = ? and done_at is not null"
    until(lambda: demo.rows(query, shard), MINUTE)
    return time.monotonic() - began


def nothing_doubled(demo: Demo) -> None:
    """Every answered path has one span that goes on, and no two spans in a row are alike."""
    open_spans = demo.rows(
        "select path_id, count(*) from mailposture_observation where last_at is null"
        " group by path_id having count(*) > 1"
    )
    assert open_spans == []
    spans = demo.rows(
        "select path_id, shape, first_at, last_at from mailposture_observation"
        " order by path_id, first_at, id"
    )
    for one, other in pairwise(spans):
        assert one[0] != other[0] or one[1] != other[1]
        assert one[0] != other[0] or one[3] is not None


def vantage_worker(demo: Demo) -> psutil.Process:
    """The parent process of the stranger's worker."""
    return demo.processes("mailposture.vantage", "vantage-stranger")[0]


def test_a_killed_vantage_worker_gives_its_shard_back(demo: Demo) -> None:
    shard = in_the_middle(demo)
    vantage_worker(demo).kill()
    assert back(demo, shard) < MINUTE
    nothing_doubled(demo)
    until(lambda: any("vantage-stranger" in line for line in demo.lines), MINUTE)


def test_a_killed_child_of_a_vantage_worker_gives_its_shard_back(demo: Demo) -> None:
    shard = in_the_middle(demo)
    children = vantage_worker(demo).children()
    assert children
    children[0].kill()
    assert back(demo, shard) < MINUTE
    nothing_doubled(demo)


def test_a_message_deleted_from_the_broker_is_sent_again(demo: Demo) -> None:
    worker = vantage_worker(demo)
    stopped = [worker, *worker.children()]
    for process in stopped:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        shard = int(until(lambda: demo.rows(OUT), MINUTE)[0][0])
        with redis.Redis.from_url(demo.broker_url) as queue:
            until(lambda: queue.llen("vantage.stranger"), MINUTE)
            assert queue.delete("vantage.stranger") == 1
    finally:
        for process in stopped:
            os.kill(process.pid, signal.SIGCONT)
    assert back(demo, shard) < MINUTE
    nothing_doubled(demo)


def test_a_broker_that_dies_and_comes_back_loses_nothing(demo: Demo) -> None:
    shard = in_the_middle(demo)
    demo.processes("valkey-server")[0].kill()
    assert back(demo, shard) < MINUTE
    latest = demo.rows("select max(id) from mailposture_round")[0][0]
    fresh = "select id from mailposture_round where id > ? and finished_at is not null"
    until(lambda: demo.rows(fresh, latest), MINUTE)
    nothing_doubled(demo)


def test_no_shard_was_set_aside_and_every_round_ended(demo: Demo) -> None:
    assert demo.rows("select id from mailposture_shard where aside_at is not null") == []
    a_minute_ago = datetime.now(tz=UTC) - timedelta(minutes=1)
    stuck = demo.rows(
        "select id from mailposture_round where finished_at is null and due_at < ?",
        f"{a_minute_ago:%Y-%m-%d %H:%M:%S}+00:00",
    )
    assert stuck == []
