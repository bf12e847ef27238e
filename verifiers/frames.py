"""Frames on a socket: four bytes of length, then the payload. Both ends of a worker's line use this.

    send(line, b"payload", until=time.monotonic() + 5)

What the payload means is the two ends' business; here only its length is bounded.
"""

import select
import socket
import struct
import time

HEADER = struct.Struct("!I")
NEVER = float("inf")


class Late(Exception):
    """The wall deadline passed before the frame was through."""


class Hangup(Exception):
    """The other end is gone, or sent what is no frame."""


def send(line: socket.socket, payload: bytes, until: float = NEVER) -> None:
    """Write one frame by `until` (seconds of `time.monotonic`). Raises Late or Hangup."""
    try:
        _patience(line, until)
        line.sendall(HEADER.pack(len(payload)) + payload)
    except TimeoutError:
        raise Late from None
    except OSError as failure:
        raise Hangup(str(failure)) from None


def waiting(line: socket.socket, seconds: float) -> bool:
    """Whether something can be read within so many seconds: a frame, or that the other end is gone."""
    poller = select.poll()
    poller.register(line, select.POLLIN)
    return bool(poller.poll(1000 * seconds))


def receive(line: socket.socket, limit: int, until: float = NEVER) -> bytes:
    """Read one frame of at most `limit` bytes by `until`. Raises Late or Hangup."""
    (length,) = HEADER.unpack(_exactly(line, HEADER.size, until))
    if length > limit:
        raise Hangup(f"it announced a frame of {length} bytes; at most {limit} are read")
    return _exactly(line, length, until)


def _exactly(line: socket.socket, count: int, until: float) -> bytes:
    buffer = bytearray(count)
    view, filled = memoryview(buffer), 0
    while filled < count:
        try:
            _patience(line, until)
            got = line.recv_into(view[filled:])
        except TimeoutError:
            raise Late from None
        except OSError as failure:
            raise Hangup(str(failure)) from None
        if not got:
            raise Hangup("the line was closed")
        filled += got
    return bytes(buffer)


def _patience(line: socket.socket, until: float) -> None:
    if until == NEVER:
        line.settimeout(None)
        return
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    line.settimeout(left)
