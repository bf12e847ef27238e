"""Steps that were sampled and not learned from yet, as text: what a checkpoint holds of a run that samples ahead.

Everything comes back as it was, to the last bit of a log-prob. Problems are named by their addresses and made anew by
their task.

    read(write(batches), task) == batches
"""

import json
from collections.abc import Sequence
from typing import Any

from verigym.tasks.problem import Address, Problem
from verigym.tasks.supply import Task
from verigym.trainer.config import ConfigError
from verigym.trainer.rollout import Rollout
from verigym.trainer.step import Sampled
from verigym.verifiers.verdict import Status, Verdict

FILE = "pending.jsonl"
"""Its name in a checkpoint."""


def write(batches: Sequence[Sampled]) -> str:
    """The steps, each a line about it and one for each of its rollouts."""
    lines = []
    for batch in batches:
        about = {
            "size": batch.size,
            "kept": len(batch.kept),
            "dropped": len(batch.dropped),
            "probes": len(batch.probes),
            "rounds": batch.rounds,
            "cursor": batch.cursor,
            "curriculum": batch.curriculum,
        }
        lines += [about, *map(_record, [*batch.all, *batch.probes])]
    return "".join(json.dumps(line) + "\n" for line in lines)


def read(text: str, task: Task) -> list[Sampled]:
    """The steps that `write` gave."""
    lines = [json.loads(line) for line in text.splitlines()]
    found = []
    while lines:
        about, lines = lines[0], lines[1:]
        for part in ("kept", "dropped", "probes"):
            n = about[part]
            about[part], lines = [_rollout(line, task) for line in lines[:n]], lines[n:]
        found.append(Sampled(**about))
    return found


def _problem(address: Address, task: Task) -> Problem:
    """The problem at an address. Rows are numbered within their split, and generated problems within their level."""
    for level in (address.level, None):
        problem = task.problem(address.index, split=address.split, level=level)
        if problem.address == address:
            return problem
    raise ConfigError(f"the checkpoint waits for {address}, which {task.id} does not have any more; start another run")


def _record(rollout: Rollout) -> dict[str, Any]:
    verdict = rollout.verdict
    return {
        "address": str(rollout.problem.address),
        "group": rollout.group,
        "sample": rollout.sample,
        "prompt_ids": rollout.prompt_ids,
        "token_ids": rollout.token_ids,
        "sampled": [int(one) for one in rollout.sampled],
        "logps": rollout.logps,
        "finish": rollout.finish,
        "version": rollout.version,
        "versions": rollout.versions,
        "replies": rollout.replies,
        "verdict": [verdict.reward, verdict.correct, str(verdict.status), verdict.reason, dict(verdict.parts)],
        "extracted": verdict.extracted,
    }


def _rollout(line: dict[str, Any], task: Task) -> Rollout:
    reward, correct, status, reason, parts = line["verdict"]
    return Rollout(
        problem=_problem(Address.parse(line["address"]), task),
        group=line["group"],
        sample=line["sample"],
        prompt_ids=tuple(line["prompt_ids"]),
        token_ids=tuple(line["token_ids"]),
        sampled=tuple(map(bool, line["sampled"])),
        logps=tuple(line["logps"]),
        finish=line["finish"],
        version=line["version"],
        replies=tuple(line["replies"]),
        verdict=Verdict(reward, correct, Status(status), reason, parts, line["extracted"]),
        versions=tuple((version, n) for version, n in line["versions"]),
    )
