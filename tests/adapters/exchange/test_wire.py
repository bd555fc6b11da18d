"""A socket's bytes within one time: what is left of it for each read, and the rest as it was."""

import socket
import time

import pytest

from mailposture.adapters.exchange.wire import _Response, within


def test_each_read_gets_what_is_left_and_the_socket_keeps_its_own_patience() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(7.0)
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf"[:-2])
        with within(0.2):
            response = _Response(near)
            response.begin()
            assert response.read(2) == b"ha"
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                response.read(2)
            assert time.monotonic() - began < 2
            with pytest.raises(TimeoutError, match="whole answer is over"):
                response.read(2)
        assert near.gettimeout() == 7.0
        response.close()


def test_outside_of_a_time_the_socket_s_own_patience_counts() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(0.05)
        with within(60):
            pass
        response = _Response(near)
        with pytest.raises(TimeoutError, match="timed out"):
            response.begin()
        response.close()
