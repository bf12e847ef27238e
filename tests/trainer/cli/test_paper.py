"""trainer/cli/paper.py: `--dry-run --meta`, its words and what it refuses."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from verigym.trainer.cli.index import main
from verigym.trainer.cli.paper import ROW_PROMPT, lengths_of, stated_hardware
from verigym.trainer.cli.train import Invocation, take_apart
from verigym.trainer.config import Policy, Problems, Rollout, Run
from verigym.trainer.cost import Hardware
from verigym.trainer.settings import preset
from verigym.trainer.shapes import CONFIGS


def test_the_hardware_is_the_word_after_meta_or_the_presets_own() -> None:
    assert take_apart(["x", "--dry-run", "--meta"]) == Invocation("x", dry_run=True, meta="")
    assert take_apart(["x", "--meta", "8xH100", "--dry-run", "--lr", "1"]).meta == "8xH100"
    assert take_apart(["x", "--dry-run", "--meta=L4"]).meta == "L4"
    assert take_apart(["x", "--dry-run"]).meta is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("countdown-tiny --meta", "--meta is a way to rehearse; write --dry-run --meta"),
        ("countdown-tiny --dry-run --meta 3xB7", "hardware '3xB7' is not known; write COUNTxGPU, as in 8xH100"),
        ("countdown-tiny --dry-run --meta --model no/such", "the shape of 'no/such' is not known here"),
        ("countdown-tiny --dry-run --meta --group-size 1", "group size 1 with baseline"),
    ],
)
def test_what_cannot_be_put_on_paper_is_refused(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *line.split()]) == 2
    assert message in capsys.readouterr().err


def test_hardware_is_read_from_a_header(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("# Mine.\n# Hardware: 4 x A100-40 in one machine; more is better.\n")
    assert stated_hardware(path) == Hardware("A100-40", 4)
    path.write_text("# Hardware: 2 CPU cores, 1 GiB of memory.\n")
    assert stated_hardware(path) is None
    assert stated_hardware(None) is None


def test_generated_prompts_are_measured_and_rows_are_assumed() -> None:
    rollout = Rollout(max_new_tokens=100)
    rows = lengths_of(Run(problems=Problems(env="gsm8k"), rollout=rollout), 4096)
    assert (rows.prompt, rows.reply, rows.longest) == (ROW_PROMPT, 50, 2 * ROW_PROMPT + 100)
    terse = Problems(env="countdown", env_args=("style=terse",), level=(2,))
    found = lengths_of(Run(problems=terse, policy=Policy(model="tiny-llama"), rollout=rollout), 4096)
    assert 10 < found.prompt < 30  # `3 17 25 = 11`, a character a token, and the chat template
    assert lengths_of(Run(problems=terse, rollout=Rollout(max_new_tokens=4000)), 512).longest == 512


def test_a_run_that_does_not_fit_says_so_and_which_knobs_to_turn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "math-qwen2.5-7b", "--dry-run", "--meta", "2xRTX4090"]) == 0
    printed = capsys.readouterr().out
    assert "each of the 2 x RTX4090 (24 GB) has 24.0 GiB; leave a fifth free\nthat is too much. What brings" in printed
    knobs = printed.partition("each alone:\n")[2].splitlines()
    assert any(line.startswith("  --fit checkpoint shard=fsdp offload: ") for line in knobs)
    assert any(line.startswith("  --ranks 4 on 4 GPUs: ") for line in knobs)


def test_a_model_of_ones_own_needs_its_config_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(dict(CONFIGS["Qwen/Qwen2.5-0.5B"])))
    line = f"train {preset('gsm8k-qwen2.5-0.5b')} --dry-run --meta 1xL4 --model {tmp_path}"
    assert main(line.split()) == 0
    printed = capsys.readouterr().out
    assert "494,032,768 weights in 24 layers" in printed
    assert "at stated rates: learning at 40% of 121 TFLOP/s" in printed
