"""The held-out score of a run: on the validation split while it learns, on the test split before and after.

The same problems and the same random numbers every time, so that two scores of one run can be compared problem by
problem. The samples of the scores before and after stay on disk, for reading and for the comparison.

    held_out = HeldOut(driver.env, settings, levels=(2,), seed=0, folder=run / "held_out")
    record = held_out.record("before", 0, engine, policy, driver, rollout=rollout_settings)
"""

import dataclasses
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from verigym.envs.drive import Driver
from verigym.envs.env import Env
from verigym.tasks.problem import Problem
from verigym.trainer.config import Evaluation, Rollout
from verigym.trainer.engines.engine import Engine
from verigym.trainer.evaluation.evaluate import held_out, score
from verigym.trainer.evaluation.samples import line_of
from verigym.trainer.evaluation.scores import NoAccuracy, Sample, Scores, comparable, compare, pass_at
from verigym.trainer.policy import Policy
from verigym.trainer.ranks import ALONE, Ranks

When = Literal["before", "during", "after"]
SPLIT_OF: dict[str, str] = {"before": "test", "during": "validation", "after": "test"}
"""The split that each score is taken on: the one watched while learning is not the one reported."""


class HeldOut:
    """Held-out problems of one run. levels: those it trains on; folder: where samples are kept."""

    def __init__(self, env: Env, settings: Evaluation, *, levels: Sequence[int], seed: int, folder: Path) -> None:
        self.env = env
        self.settings = settings
        self.levels = tuple(levels)
        self.seed = seed
        self.folder = folder

    @cached_property
    def problems(self) -> dict[str, list[Problem]]:
        """The problems of each split: as many as asked for, or all rows of a smaller data set."""
        found = {}
        for split in dict.fromkeys(SPLIT_OF.values()):
            size = self.env.task.size(split)
            wanted = self.settings.eval_problems if size is None else min(size, self.settings.eval_problems)
            found[split] = held_out(self.env, split, self.levels, wanted)
        return found

    def record(
        self,
        when: When,
        step: int,
        engine: Engine,
        policy: Policy,
        driver: Driver,
        *,
        rollout: Rollout,
        ranks: Ranks = ALONE,
    ) -> dict[str, Any]:
        """One line of eval.jsonl: greedy pass@1, and pass@k of sampled replies in the scores before and after. ranks:
        those that sample, each its share of the problems."""
        split = SPLIT_OF[when]
        problems = self.problems[split]

        def sample(kind: str, n: int, temperature: float) -> Scores:
            own = ranks.share(problems)

            def samples() -> tuple[Sample, ...]:
                return score(
                    engine,
                    policy.chat,
                    driver,
                    own,
                    samples=n,
                    temperature=temperature,
                    max_new_tokens=rollout.max_new_tokens,
                    stop=rollout.stop,
                    seed=self.seed,
                    context=policy.context,
                ).samples

            scores = Scores(tuple(ranks.all(samples)))
            if when != "during":
                ranks.led(lambda: self._keep(when, kind, scores))
            return scores

        record: dict[str, Any] = {
            "when": when,
            "step": step,
            "split": split,
            "level": list(self.levels),
            "problems": len(problems),
            "samples": 0,
            "temperature": rollout.temperature,
            "greedy": None,
            "sampled": None,
            "paired": None,
        }
        try:
            greedy = pass_at(sample("greedy", 1, 0.0), 1)
            record["greedy"] = {"pass@1": greedy.value, "low": greedy.low, "high": greedy.high}
            if when != "during":
                n = self.settings.eval_samples
                sampled = sample("sampled", n, rollout.temperature)
                record["samples"] = n
                found = {k: pass_at(sampled, k) for k in sorted({1, n}) if k <= max(1, sampled.most)}
                record["sampled"] = {str(k): {"pass": e.value, "low": e.low, "high": e.high} for k, e in found.items()}
            if when == "after":
                record["paired"] = ranks.led(self._paired)
        except NoAccuracy as none:
            record["note"] = str(none)
        return record

    def _paired(self) -> dict[str, Any]:
        """The differences after - before, problem by problem; a score that no problem has in both is left out."""
        paired = {}
        for kind in ("greedy", "sampled"):
            before, after = self._kept("before", kind), self._kept("after", kind)
            for k in sorted({1, self.settings.eval_samples if kind == "sampled" else 1}):
                if comparable(before, after, k):
                    paired[f"{kind} pass@{k}"] = dataclasses.asdict(compare(before, after, k))
        return paired

    def _path(self, when: str, kind: str) -> Path:
        return self.folder / f"{when}-{kind}.jsonl"

    def _keep(self, when: str, kind: str, scores: Scores) -> None:
        self.folder.mkdir(exist_ok=True)
        text = "".join(map(line_of, scores.samples))
        self._path(when, kind).write_text(text, encoding="utf-8", errors="backslashreplace")

    def _kept(self, when: str, kind: str) -> Scores:
        lines = self._path(when, kind).read_text(encoding="utf-8").splitlines()
        return Scores(
            tuple(Sample(**{**(line := json.loads(text)), "earlier": tuple(line["earlier"])}) for text in lines)
        )
