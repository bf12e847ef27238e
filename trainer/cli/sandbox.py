"""`verigym sandbox serve`: run programs for other machines, over HTTP; and the refusal to train behind no walls.

main(["serve", "--port", "8899"])
"""

import argparse
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from verigym.trainer.cli.tokens import find_token
from verigym.trainer.config import ConfigError

TOKEN = "VERIGYM_SANDBOX_TOKEN"
TIERS = ("auto", "namespaces", "landlock", "bwrap", "unsafe")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see `verigym sandbox serve --help`")


def main(argv: Sequence[str]) -> int:
    """Serves until SIGINT or SIGTERM. Raises ConfigError, ServeError and SandboxUnavailable."""
    given = _parser().parse_args(argv)
    from verigym.sandbox import Sandbox
    from verigym.sandbox.server import Server, check_address

    token, is_given = find_token(given.token_file, TOKEN)
    check_address(given.host, token_given=is_given, token=token)
    if given.tier == "unsafe" and not given.allow_unsafe:
        raise ConfigError(
            "tier unsafe runs programs with your rights; add --allow-unsafe if you trust all who can send"
        )
    for name in ("slots", "waiting"):
        value = getattr(given, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name} {value} is too small; set it to 1 or more")
    if not 0 <= given.port < 1 << 16:
        raise ConfigError(f"--port {given.port} is none; give 1 to 65535, or 0 for a free one")
    preload = tuple(given.preload)
    slots = given.slots or len(os.sched_getaffinity(0))
    waiting = given.waiting or 2 * slots
    box = Sandbox(slots, given.tier, preload=preload, allow_unsafe=given.allow_unsafe, queue=slots + waiting)
    try:
        server = Server(box, token=token, host=given.host, port=given.port, waiting=waiting, preload=preload)
    except BaseException:
        box.close()
        raise
    with server:
        stopping = _stop_on_signals(server)
        print(f"tier {box.tier}, {slots} slot{'s' * (slots > 1)}, {waiting} jobs may wait, at {server.url}", flush=True)
        if is_given:
            print("clients need the token that you gave", flush=True)
        else:
            print(f"token, until this ends: {token}", flush=True)
            print(f"use it: VERIGYM_SANDBOX_URL={server.url} {TOKEN}={token} verigym train ...", flush=True)
        server.serve_forever()
    if stopping.is_set():
        print("stopped", flush=True)
    return 0


def _stop_on_signals(server: object) -> threading.Event:
    """SIGINT and SIGTERM end `serve_forever`; what runs is cancelled then."""
    from verigym.sandbox.server import Server

    assert isinstance(server, Server)
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()
        # Not here: it waits for the loop that this signal has interrupted.
        threading.Thread(target=server.stop, daemon=True).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return stopping


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="verigym sandbox",
        description="Run programs for other machines, over HTTP. Clients set VERIGYM_SANDBOX_URL and "
        'VERIGYM_SANDBOX_TOKEN, or use Sandbox(tier="remote", endpoints=[...], token=...).',
        epilog="The connection is not encrypted: on a network that is not yours put it behind ssh or a TLS proxy.",
    )
    parser.add_argument("action", choices=["serve"], help="what to do")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; others than loopback need a token")
    parser.add_argument("--port", type=int, default=8899, help="port to listen at; 0 for a free one")
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"holds the token; without it {TOKEN}, else one is made and shown",
    )
    parser.add_argument("--slots", type=int, metavar="N", help="programs at once; as many as there are cores")
    parser.add_argument("--waiting", type=int, metavar="N", help="jobs that may wait beside them; twice the slots")
    parser.add_argument("--tier", choices=TIERS, default="auto", help="walls around a program; see `verigym doctor`")
    parser.add_argument(
        "--preload", nargs="+", default=[], metavar="MODULE", help="imported before any program, as numpy"
    )
    parser.add_argument("--allow-unsafe", action="store_true", help="needed for tier unsafe, which holds nothing")
    return parser
