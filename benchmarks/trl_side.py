"""TRL's side of `step_vs_trl.py`: GRPOTrainer with the settings of `our_side.py`, in an environment without verigym.

TRL_PYTHON benchmarks/trl_side.py PLAN.json ANSWER.json
"""

import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import transformers
import trl
from checksum import checksum
from datasets import Dataset
from step_plan import Plan, Timed, counted
from transformers import PreTrainedTokenizerFast, TrainerCallback


class Clock(TrainerCallback):
    """Notes when each step ends."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.cpu_ends: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by the trainer after the optimizer's step."""
        self.ends.append(time.perf_counter())
        self.cpu_ends.append(time.process_time())


def config_of(plan: Plan, out: str) -> trl.GRPOConfig:
    """The settings of `our_side.run_of` in TRL's words."""
    return trl.GRPOConfig(
        output_dir=out,
        use_cpu=True,
        model_init_kwargs={"dtype": plan.dtype},
        bf16=plan.autocast,
        per_device_train_batch_size=plan.rollouts,
        gradient_accumulation_steps=1,
        steps_per_generation=1,
        num_iterations=1,
        num_generations=plan.size,
        max_completion_length=plan.new_tokens,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        loss_type="dapo",
        scale_rewards="group",
        beta=0.0,
        epsilon=0.2,
        gradient_checkpointing=False,
        max_steps=plan.all_steps,
        learning_rate=plan.lr,
        lr_scheduler_type="constant",
        optim="adamw_torch_fused",
        adam_beta1=0.9,
        adam_beta2=0.95,
        weight_decay=0.0,
        max_grad_norm=1.0,
        shuffle_dataset=False,
        use_vllm=False,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        seed=plan.seed,
    )


def measure(plan: Plan) -> Timed:
    """Runs the plan."""
    torch.set_num_threads(1)
    sampling: list[float] = []
    tokens: list[int] = []
    distinct: list[float] = []
    spread: list[float] = []
    prompt_lengths: list[int] = []

    def reward(completions: list[Any], completion_ids: list[list[int]], **_: Any) -> list[float]:
        replies = [completion[0]["content"] for completion in completions]
        rewards = [checksum(reply) for reply in replies]
        groups = range(0, plan.rollouts, plan.size)
        tokens.append(sum(map(len, completion_ids)))
        distinct.append(min(len(set(replies[i : i + plan.size])) / plan.size for i in groups))
        spread.append(sum(len(set(rewards[i : i + plan.size])) > 1 for i in groups) / plan.groups)
        return rewards

    prompts = [json.loads(line) for line in Path(plan.prompts).read_text(encoding="utf-8").splitlines()]
    clock = Clock()
    with tempfile.TemporaryDirectory() as out:
        trainer = trl.GRPOTrainer(
            model=plan.model,
            reward_funcs=reward,
            args=config_of(plan, out),
            train_dataset=Dataset.from_list([{"prompt": messages} for messages in prompts]),
            # AutoTokenizer would give it the rules of qwen2, and drop the blanks.
            processing_class=PreTrainedTokenizerFast.from_pretrained(plan.model, padding_side="left"),
            callbacks=[clock],
        )
        generate = trainer._generate

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            found = generate(*args, **kwargs)
            sampling.append(time.perf_counter() - start)
            prompt_lengths.extend(map(len, found[0]))
            return found

        trainer._generate = timed
        trainer.train()
        held = {str(parameter.dtype).removeprefix("torch.") for parameter in trainer.model.parameters()}
    return Timed(
        seconds=counted([0.0, *(end - start for start, end in pairwise(clock.ends))], plan),
        cpu=counted([0.0, *(end - start for start, end in pairwise(clock.cpu_ends))], plan),
        sampling=counted(sampling, plan),
        tokens=[int(n) for n in counted([float(n) for n in tokens], plan)],
        prompt=max(prompt_lengths),
        distinct=min(distinct),
        spread=min(spread),
        note=f"{'/'.join(sorted(held))} weights{', bf16 autocast' if plan.autocast else ''}; "
        f"TRL {trl.__version__}: torch {torch.__version__}, transformers {transformers.__version__}, "
        f"threads {torch.get_num_threads()}",
    )


if __name__ == "__main__":
    measure(Plan.read(Path(sys.argv[1]))).write(Path(sys.argv[2]))
