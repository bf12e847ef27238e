"""The learner on a real model: the gradient does not depend on how a step is cut, padded, packed or ordered."""

from dataclasses import replace

import pytest
import torch

from verigym.tasks.problem import Problem
from verigym.trainer.config import Optim
from verigym.trainer.objective.presets import PRESETS
from verigym.trainer.packing import find_packing
from verigym.trainer.policy import load_policy
from verigym.trainer.rollout import Rollout
from verigym.trainer.update import Learner
from verigym.verifiers.verdict import Verdict

LIMIT = 12


class Recorder:
    """Stands for the optimizer: keeps the gradient instead of taking a step."""

    def __init__(self, model):
        self.model = model
        self.gradients = []

    def gather(self):
        """Gradients of an fp32 model add up by themselves."""

    def step(self, *, lr, grad_clip):
        self.gradients.append(torch.cat([p.grad.flatten() for p in self.model.parameters() if p.grad is not None]))
        self.model.zero_grad(set_to_none=True)
        return float(self.gradients[-1].norm())


def rollouts():
    """Four groups of three: mixed, mixed with a tool token, dead, mixed with a failed verdict and a cut reply."""
    generator = torch.Generator().manual_seed(1)

    def draw(n):
        return tuple(torch.randint(11, 100, (n,), generator=generator).tolist())

    made = []
    rewards = [[1, 0, 0], [1, 0.25, 0.5], [1, 1, 1], [1, 0, 0]]
    for group, values in enumerate(rewards):
        prompt = draw(3 + 2 * group)
        for sample, reward in enumerate(values):
            tokens = draw(2 + 3 * sample + group % 2)
            sampled = tuple(not (group == 1 and t == 1) for t in range(len(tokens)))
            verdict = Verdict.error("lost") if (group, sample) == (3, 2) else Verdict(reward, reward == 1)
            finish = "length" if (group, sample) == (3, 1) else "stop"
            logps = tuple(-4.6 + 0.1 * t if s else 0.0 for t, s in enumerate(sampled))
            made.append(
                Rollout(Problem("p", "a"), group, sample, prompt, tokens, sampled, logps, finish, 0, ("r",), verdict)
            )
    return made


def learn(objective, order=None, *, temperature=1.0, packing="off", **optim):
    """Gradients and record of one update."""
    policy = load_policy("tiny-qwen2", seed=1)
    model = policy.model.double()
    recorder = Recorder(model)
    frozen = load_policy("tiny-qwen2", seed=2).model.double() if objective.needs_reference else None
    if frozen is not None:
        find_packing(frozen, packing)
    learner = Learner(
        model,
        recorder,
        objective,
        Optim(steps=1, **optim),
        pad_id=0,
        temperature=temperature,
        limit=LIMIT,
        reference=frozen,
        packing=find_packing(model, packing),
    )
    made = rollouts()
    learned = learner.update([made[i] for i in order] if order else made, 1)
    return recorder.gradients, learned


NAMES = [
    "grpo",
    "dr_grpo",
    "dapo",
    "gspo",
    "gspo_token",
    "cispo",
    "sapo",
    "gmpo",
    "rloo",
    "maxrl",
    "reinforce_pp_baseline",
    "grpo@trl",
]


def objective_of(name):
    return replace(PRESETS[name], overlong="none") if name == "maxrl" else PRESETS[name]


@pytest.mark.parametrize("name", NAMES)
def test_any_micro_batches_any_order_and_packed_rows_give_one_gradient(name):
    objective = replace(objective_of(name), entropy_coef=0.01)
    (whole,), learned = learn(objective, micro_batch_tokens=10_000)
    turned = [*range(6, 12), *range(6)]
    padded = ((None, 1, "off"), (None, 40, "off"), (turned, 10_000, "off"), (turned, 25, "off"))
    for order, tokens, packing in (*padded, (None, 10_000, "on"), (turned, 40, "on")):
        (cut,), again = learn(objective, order, micro_batch_tokens=tokens, packing=packing)
        # The output head works in fp32, so that is the precision of the agreement.
        assert float((cut - whole).abs().max()) <= 1e-6 * float(whole.abs().max()) + 1e-9
        assert again.loss == pytest.approx(learned.loss, abs=1e-6)
        assert again.stats.sums.tolist() == pytest.approx(learned.stats.sums.tolist(), rel=1e-5, abs=1e-5)


def test_rows_that_cannot_move_the_weights_are_left_out_and_change_nothing():
    objective = PRESETS["dr_grpo"]
    (alone,), learned = learn(objective)
    (scored,), whole = learn(replace(objective, entropy_coef=1e-30))  # makes every row go through the model
    assert torch.allclose(alone, scored, atol=1e-9)
    dead = sum(r.sampled_tokens for r in rollouts() if r.group == 2)
    assert learned.idle == dead and whole.idle == 0
    assert whole.stats.summary()["tokens_no_advantage"] == dead


def test_a_verdict_that_failed_is_masked_and_leaves_its_group():
    _, learned = learn(PRESETS["dr_grpo"])
    lost = rollouts()[11]
    assert learned.masked == lost.sampled_tokens
    assert learned.groups.groups == 4 and learned.groups.dead_right == 1


def test_cut_replies_are_filtered_where_the_objective_says_so():
    _, learned = learn(replace(PRESETS["dr_grpo"], overlong="mask"))
    assert learned.truncated == rollouts()[10].sampled_tokens


def test_mini_batches_are_whole_groups_and_each_takes_a_step():
    gradients, _ = learn(PRESETS["dr_grpo"], updates_per_step=2)
    assert len(gradients) == 2


def test_the_first_mini_batch_is_on_policy_even_with_several():
    gradients, learned = learn(replace(PRESETS["dr_grpo"], kl_coef=0.0), updates_per_step=4)
    # The recorder never moves the weights, so every recomputed ratio is 1.
    assert learned.stats.summary()["approx_kl_k3"] == pytest.approx(0.0, abs=1e-12)
    assert len(gradients) == 3  # the dead group teaches nothing


def test_the_temperature_of_sampling_is_that_of_learning():
    (hot,), _ = learn(PRESETS["dr_grpo"], temperature=2.0)
    (warm,), _ = learn(PRESETS["dr_grpo"], temperature=1.0)
    assert not torch.allclose(hot, warm)


def test_all_dead_teaches_nothing_and_moves_nothing():
    policy = load_policy("tiny-qwen2", seed=1)
    recorder = Recorder(policy.model)
    learner = Learner(
        policy.model, recorder, PRESETS["dr_grpo"], Optim(steps=1), pad_id=0, temperature=1.0, limit=LIMIT
    )
    learned = learner.update(rollouts()[6:9], 1)
    assert recorder.gradients == [] and learned.stats is None and learned.loss == 0.0 and learned.groups.dead == 1


def test_identical_answers_are_scored_once_and_weigh_as_often_as_they_were_sampled():
    made = rollouts()
    made[2] = replace(made[1], sample=2)
    made[5] = replace(made[4], sample=5, verdict=Verdict(0.75, False))  # the same words, another reward: not the same
    found = []
    for tokens in (10_000, 1):
        policy = load_policy("tiny-qwen2", seed=1)
        recorder = Recorder(policy.model)
        learner = Learner(
            policy.model,
            recorder,
            PRESETS["dr_grpo"],
            Optim(steps=1, micro_batch_tokens=tokens),
            pad_id=0,
            temperature=1.0,
            limit=LIMIT,
        )
        if tokens == 1:
            learner._distinct = lambda batch, advantages, places: (places, torch.ones(len(places), dtype=torch.double))
        learned = learner.update(made, 1)
        found.append((recorder.gradients[0], learned.loss, learned.stats.sums.tolist()))
    (merged, loss, sums), (plain, plain_loss, plain_sums) = found
    assert torch.allclose(merged, plain, atol=1e-7)
    assert loss == pytest.approx(plain_loss, abs=1e-7) and sums == pytest.approx(plain_sums, rel=1e-5, abs=1e-5)
