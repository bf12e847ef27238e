"""A wrapped generator trains as any other environment does."""

import json
from pathlib import Path

from verigym.trainer.cli.index import main

WORDS = (
    "--env reasoning-gym/spell_backward --level 1 --env-args style=terse --steps 2 --problems-per-step 2 "
    "--group-size 2 --max-new-tokens 6 --objective dr_grpo --eval-problems 2 --eval-samples 1 --eval-every 0 "
    "--sft-steps 2 --sft-batch 4 --sft-demos 8 --lr 1e-4 --threads 1"
)


def test_two_steps_of_training(tmp_path: Path) -> None:
    assert main(["train", *WORDS.split(), "--out", str(tmp_path / "run")]) == 0
    steps = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert len(steps) == 2
    rollouts = [
        json.loads(line) for path in (tmp_path / "run/rollouts").iterdir() for line in path.read_text().splitlines()
    ]
    assert rollouts and all("reasoning-gym/spell_backward@1/train/1/" in json.dumps(one) for one in rollouts)
