"""trainer/cli/launch.py: ranks are started, watched, ended and started again. Most tests start a few lines of Python in
place of a rank; one trains."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from verigym.trainer.cli import launch as module
from verigym.trainer.cli.launch import CRASHED, LOST, launch, restarted, words_of
from verigym.trainer.cli.train import going_on, take_apart
from verigym.trainer.loop import train

STAND_IN = """
import os, signal, sys, time
rank, count, again = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT"))
def note(text):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(text + "\\n")
note(f"{rank} of {count}, pid {os.getpid()}, start {again}, {' '.join(sys.argv[1:])}")
"""
HANG = "time.sleep(55)"


@pytest.fixture
def run(monkeypatch, tmp_path, capfd):
    """Launches ranks that do what some lines say; gives exit code, stderr, notes and seconds. No rank may be left."""
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    monkeypatch.setattr(module, "GRACE_S", 1.0)

    def start(lines, ranks=2, restarts=0):
        monkeypatch.setattr(module, "RANK", STAND_IN + lines)
        started = time.monotonic()
        code = launch(["preset"], tmp_path / "run", ranks=ranks, restarts=restarts)
        seconds = time.monotonic() - started
        notes = (tmp_path / "notes").read_text().splitlines()
        pids = [int(note.split("pid ")[1].split(",")[0]) for note in notes if "pid " in note]
        assert pids and not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        return code, capfd.readouterr().err, notes, seconds

    return start


def test_ranks_are_told_who_they_are_and_do_what_the_words_say(run):
    code, said, notes, _ = run("")
    assert code == 0 and said == ""
    assert sorted(note.split(", ")[0] for note in notes) == ["0 of 2", "1 of 2"]
    assert all(note.endswith("start 0, train preset") for note in notes)


def test_a_rank_that_is_killed_ends_the_others_at_once_and_is_named(run):
    code, said, _, seconds = run(f"os.kill(os.getpid(), 9) if rank == 1 else {HANG}")
    assert code == 128 + 9 and seconds < 10
    assert said == "verigym: rank 1 was killed by SIGKILL; no checkpoint was written\n"


def test_the_last_words_of_a_rank_that_failed_are_handed_on(run):
    code, said, _, _ = run(f"sys.exit('the cable is out\\n') if rank == 2 else {HANG}", ranks=3)
    # what a rank that is not the lead explains, nobody has seen yet
    assert code == 1 and "rank 2 ended with exit code 1: the cable is out; no checkpoint was written" in said


def test_what_the_lead_explained_is_not_said_twice_nor_tried_again(run):
    code, said, notes, _ = run("print('verigym: no such preset', file=sys.stderr); sys.exit(2)", restarts=3)
    assert code == 2 and said == "verigym: no such preset\n" and len(notes) == 2


def test_those_that_only_lost_another_rank_are_not_blamed(run):
    code, said, _, _ = run(f"sys.exit({LOST} if rank == 0 else {CRASHED})")
    assert code == CRASHED and f"rank 1 ended with exit code {CRASHED}; " in said


def test_a_rank_that_goes_on_alone_is_killed_and_named(run):
    code, said, _, seconds = run(f"{HANG} if rank == 1 else sys.exit(0)")
    assert code == 128 + 9 and 1 < seconds < 10
    assert "rank 1 went on for 1 s after the others had ended, and was killed" in said


def test_restarts_are_used_up_one_by_one(run, tmp_path):
    (tmp_path / "run" / "checkpoints" / "step-000020").mkdir(parents=True)
    (tmp_path / "run" / "checkpoints" / "step-000020" / "trainer_state.json").write_text("{}")
    code, said, notes, _ = run("os.kill(os.getpid(), 15) if rank == 0 and again < 3 else None", restarts=2)
    assert code == 128 + 15
    assert said.splitlines() == [
        "verigym: rank 0 was killed by SIGTERM; starting again from step-000020 (1 of 2 restarts left)",
        "verigym: rank 0 was killed by SIGTERM; starting again from step-000020 (0 of 2 restarts left)",
        f"verigym: rank 0 was killed by SIGTERM; go on with: verigym train --resume {tmp_path / 'run'}",
    ]
    assert sorted({note.split(", ")[2] for note in notes}) == ["start 0", "start 1", "start 2"]


def test_a_run_of_one_process_is_started_again_too(run):
    code, said, notes, _ = run("os.kill(os.getpid(), 9) if again == 0 else None", ranks=1, restarts=1)
    assert code == 0 and len(notes) == 2
    assert said == "verigym: rank 0 was killed by SIGKILL; starting again from the start (0 of 1 restarts left)\n"


ON_SIGINT = """
signal.signal(signal.SIGINT, lambda *_: note(f"{rank} was asked"))
note(f"{rank} listens")
end = time.monotonic() + 55
while time.monotonic() < end and not (polite and "was asked" in open(os.environ["NOTES"]).read()):
    time.sleep(0.02)
"""


def ask(times, tmp_path, number):
    """Sends this process a signal, once all ranks listen; more, once the lead was asked."""
    deadline = time.monotonic() + 40
    for text, count in (("listens", 2), ("was asked", 1))[:times]:
        while time.monotonic() < deadline and (tmp_path / "notes").exists() is False:
            time.sleep(0.02)
        while time.monotonic() < deadline and (tmp_path / "notes").read_text().count(text) < count:
            time.sleep(0.02)
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_the_lead_and_no_restart_follows(run, tmp_path, number):
    asking = threading.Thread(target=ask, args=(1, tmp_path, number))
    asking.start()
    code, said, notes, _ = run("polite = True" + ON_SIGINT, restarts=3)
    asking.join()
    assert code == 0 and said == "" and [note for note in notes if "was asked" in note] == ["0 was asked"]


def test_the_second_signal_ends_all_at_once(run, tmp_path):
    asking = threading.Thread(target=ask, args=(2, tmp_path, signal.SIGINT))
    asking.start()
    code, _, _, seconds = run("polite = False" + ON_SIGINT, restarts=3)
    asking.join()
    assert code == 130 and seconds < 30


def test_ranks_end_when_the_one_that_started_them_is_killed(tmp_path):
    parent = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-c",
            f"""
from pathlib import Path
from verigym.trainer.cli import launch
launch.RANK = '''
import os, threading, time
from verigym.trainer.cli.launch import _leash
threading.Thread(target=_leash, daemon=True).start()
open({str(tmp_path / "pid-")!r} + os.environ["RANK"], "w").write(str(os.getpid()) + ".")
time.sleep(55)
'''
launch.launch([], Path("nowhere"), ranks=2, restarts=0)
""",
        ]
    )
    files = [tmp_path / "pid-0", tmp_path / "pid-1"]
    deadline = time.monotonic() + 50
    try:
        while not all(file.exists() and file.read_text().endswith(".") for file in files):
            assert time.monotonic() < deadline and parent.poll() is None
            time.sleep(0.02)
    finally:
        parent.kill()
        parent.wait()
    pids = [int(file.read_text()[:-1]) for file in files]
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_the_words_of_a_rank():
    assert words_of("countdown-tiny", ["--lr", "1"], None, 7, Path("runs/x")) == [
        *("countdown-tiny", "--lr", "1", "--out=runs/x", "--stop-at=7")
    ]
    assert words_of(None, ["--steps", "9"], Path("runs/x"), None, Path("runs/x")) == ["--steps", "9", "--resume=runs/x"]
    given = take_apart(["countdown-tiny", "--ranks", "2", "--max-restarts=3", "--lr", "1"])
    assert (given.ranks, given.max_restarts, given.rest) == (2, 3, ("--lr", "1"))


def test_a_rank_that_was_started_again_goes_on_with_what_the_first_one_left(monkeypatch, tmp_path):
    given = take_apart(["countdown-tiny", f"--out={tmp_path}", "--stop-at=3"])
    assert not restarted({}) and going_on(given) is given
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert restarted() and going_on(given) is given  # nothing was left
    (tmp_path / "config.toml").write_text("")
    again = going_on(given)
    assert (again.source, again.resume, again.stop_at, again.rest) == (None, tmp_path, 3, ())
    without = take_apart(["countdown-tiny"])
    monkeypatch.chdir(tmp_path)  # a config.toml that lies about is not the run's
    assert going_on(without) is without


DYING = """
import os
from pathlib import Path

def dies():
    if os.environ.get("RANK") == "1" and os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0":
        if (Path(os.environ["VERIGYM_TEST_RUN"]) / "checkpoints" / "step-000002").exists():
            os.kill(os.getpid(), 9)
"""


def test_a_rank_is_killed_and_the_run_goes_on_by_itself_with_the_numbers_of_one_process(
    small_run, own_env, tmp_path, monkeypatch
):
    text = own_env.read_text()
    calm = train(small_run("calm", evaluation={"eval_every": 0}))
    own_env.write_text(DYING + text.replace("    reply = yield", "    dies()\n    reply = yield"))
    from verigym.trainer.settings import to_toml

    (tmp_path / "run.toml").write_text(to_toml(small_run("ranks", evaluation={"eval_every": 0})))
    verigym = [sys.executable, "-P", "-c", "from verigym.trainer.cli.index import main; raise SystemExit(main())"]
    done = subprocess.run(
        [*verigym, "train", str(tmp_path / "run.toml"), "--ranks", "2", "--max-restarts", "1"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "VERIGYM_TEST_RUN": str(tmp_path / "ranks")},
        capture_output=True,
        text=True,
        timeout=58,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (
        "verigym: rank 1 was killed by SIGKILL; starting again from step-000002 (0 of 1 restarts left)" in done.stderr
    )
    found, wanted = (
        [json.loads(line) for line in (root / "metrics.jsonl").read_text().splitlines()]
        for root in (tmp_path / "ranks", calm.directory)
    )
    assert [line["step"] for line in found] == [1, 2, 3, 4]
    for one, other in zip(found, wanted, strict=True):
        assert one.pop("parts") == other.pop("parts") and one.pop("tokens") == other.pop("tokens")
        for name, value in other.items():
            assert one[name] == (value if value is None else pytest.approx(value, rel=1e-5, abs=1e-6)), name
