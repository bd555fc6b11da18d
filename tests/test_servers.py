"""The servers that other tests stand on are what they say they are."""

import psycopg
import pytest
import redis
from playwright.sync_api import Browser
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers import ValkeyServer, until


def test_a_killed_queue_still_has_what_it_was_told(valkey: ValkeyServer) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.set("told", "before")
        until(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0)
    valkey.kill()
    valkey.start()
    with redis.Redis.from_url(valkey.url) as client:
        assert client.get("told") == b"before"


def test_the_queue_wants_its_password(valkey: ValkeyServer) -> None:
    with (
        redis.Redis(port=valkey.port, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_postgresql_is_new_enough(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.info.server_version >= 150000


@pytest.mark.browser
def test_the_browser_runs_scripts_and_draws_letters(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<p id=where>here</p><script>where.textContent += ' it runs'</script>")
    assert page.text_content("#where") == "here it runs"
    assert page.locator("#where").bounding_box()
    page.close()
