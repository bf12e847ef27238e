"""A local Ray for the tests of one file: started once, ended whatever happens, with a deadline on everything."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from verigym.trainer.engines import ray_cluster

DEADLINE_S = 60.0


@contextmanager
def local_ray(places: int) -> Iterator[None]:
    """A cluster with so many places for actors, which fleets and verifiers of this process join."""
    cluster = ray_cluster.join("", cpus=places)
    try:
        yield
    finally:
        while not cluster.ended:  # also what a broken test did not give back
            cluster.release()


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Fails where `condition` does not hold in time."""
    until = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < until, f"{what}: not within {DEADLINE_S:.0f} s"
        time.sleep(0.05)


def actor_of(fleet, place: int = 0):
    """Ray's handle of the actor at a place of a fleet."""
    return fleet._members[place].link.actor


def holders(folder: str) -> list[str]:
    """Command lines of the processes that name a folder, as all of Ray's own do."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it has ended meanwhile
            if folder in words:
                found.append(words)
    return found
