"""benchmarks/step_vs_trl.py: what it relies on, and our side of it. TRL's side needs an environment of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_checksum_is_the_sum_of_code_points_modulo_97(on_path: Any) -> None:
    from checksum import checksum

    # "a" is 97 and "b" 98, so "ab" is 195 = 2 * 97 + 1
    assert checksum("a") == 0.0
    assert checksum("ab") == 1 / 96
    assert checksum("") == 0.0


def test_warm_up_steps_and_the_last_one_do_not_count(on_path: Any) -> None:
    from step_plan import Plan, counted

    plan = Plan("model", "prompts", groups=2, size=4, new_tokens=5, warmup=2, steps=3, dtype="float32")
    assert plan.all_steps == 6
    assert counted([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], plan) == [2.0, 3.0, 4.0]


def test_different_work_is_not_compared(on_path: Any) -> None:
    from step_plan import Timed
    from step_vs_trl import check

    ours = Timed([1.0], [1.0], [0.5], tokens=[40], prompt=14, distinct=1.0, spread=1.0, note="ours")
    check(ours, [ours])
    for wrong in ({"tokens": [39]}, {"prompt": 11}, {"distinct": 0.75}, {"spread": 0.5}):
        with pytest.raises(RuntimeError, match=r"different work|replies differ"):
            check(ours, [Timed(**{**vars(ours), **wrong})])


def test_our_side_samples_every_token_it_was_asked_for(on_path: Any, tmp_path: Path) -> None:
    from step_plan import Plan, Timed
    from step_vs_trl import save_model

    save_model(tmp_path / "model")
    plan = Plan(str(tmp_path / "model"), "", groups=2, size=4, new_tokens=5, warmup=1, steps=2, dtype="bfloat16")
    plan.write(tmp_path / "plan.json")
    files = [str(tmp_path / name) for name in ("plan.json", "answer.json")]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "our_side.py"), *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answer = Timed.read(tmp_path / "answer.json")
    assert answer.tokens == [40, 40]  # 2 prompts x 4 replies x 5 tokens: nobody stops early
    assert len(answer.seconds) == len(answer.sampling) == 2
    assert 0 < answer.sample < answer.step
    assert answer.spread == 1.0
