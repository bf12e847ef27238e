"""trainer/reward.py: words become stages, stages change rewards and nothing else, and what is told is what is done."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from verigym.envs import make
from verigym.tasks.problem import Problem
from verigym.trainer.config import ConfigError
from verigym.trainer.objective import rewards
from verigym.trainer.objective.presets import PRESETS
from verigym.trainer.objective.table import Objective
from verigym.trainer.reward import Reward, target_of
from verigym.trainer.rollout import Rollout
from verigym.verifiers.verdict import Status, Verdict

RIGHT, WRONG = Verdict.right("yes", "4"), Verdict.wrong("no", "5")
FORMED = "<think>2 + 2</think><answer>4</answer>"


def rollout(verdict: Verdict, tokens: list[int], reply: str = FORMED, heard: int = 0) -> Rollout:
    """One reply of `tokens`, and `heard` tokens of the environment behind it."""
    problem = make("countdown").task.problem(3)
    ids, sampled = (*tokens, *[9] * heard), (True,) * len(tokens) + (False,) * heard
    return Rollout(problem, 0, 0, (1, 2), ids, sampled, (0.0,) * len(ids), "stop", 0, (reply,), verdict)


def shaped(words: list[str], *rollouts: Rollout, limit: int = 100) -> list[Verdict]:
    return [r.verdict for r in Reward.of(words, limit).shaped(rollouts)]


def test_without_words_nothing_changes() -> None:
    one = rollout(RIGHT, [1, 2])
    reward = Reward.of((), 100)
    assert reward.shaped([one]) == [one]
    assert reward.describe() == ""


def test_stages_are_applied_in_their_order_and_every_part_is_seen() -> None:
    words = ["cosine", "repetition:weight=0.2,n=2", "scale:by=2", "clip:low=-1,high=1"]
    (verdict,) = shaped(words, rollout(RIGHT, [5, 6] * 25))
    # 50 of 100 tokens: 0.75; 49 bigrams, 2 of them distinct: 0.2 * 47/49; twice that; held at 1
    after = 2 * (0.75 - 0.2 * 47 / 49)
    assert verdict.reward == 1.0 < after
    assert verdict.parts == pytest.approx(
        {
            "reward.verified": 1.0,
            "reward.cosine": -0.25,
            "reward.repetition": -0.2 * 47 / 49,
            "reward.scale": after / 2,
            "reward.clip": 1.0 - after,
        }
    )
    assert (verdict.correct, verdict.reason, verdict.extracted) == (True, "yes", "4")
    assert shaped(words[::-1], rollout(RIGHT, [5, 6] * 25))[0].reward == pytest.approx(0.75)  # the cosine comes last


def test_lengths_are_the_tokens_that_were_sampled() -> None:
    said = shaped(["overlong:cache=20"], rollout(RIGHT, [1] * 90), rollout(RIGHT, [1] * 90, heard=500))
    assert [verdict.reward for verdict in said] == [0.5, 0.5]
    assert shaped(["overlong"], rollout(RIGHT, [1] * 90))[0].reward == pytest.approx(0.5)  # a fifth of 100
    assert shaped(["overlong:max_tokens=50,cache=10,weight=2"], rollout(RIGHT, [1] * 45))[0].reward == 0.0
    assert shaped(["cosine:max_tokens=50"], rollout(WRONG, [1] * 50))[0].reward == -1.0


def test_form_first_and_credit_for_the_form() -> None:
    good, bad = rollout(RIGHT, [1], FORMED), rollout(RIGHT, [1], "4")
    first = shaped(["gate:style=r1"], good, bad)
    assert [(v.reward, v.correct, v.status) for v in first] == [(1.0, True, Status.OK), (0.0, True, Status.OK)]
    assert first[1].parts == {"reward.verified": 1.0, "reward.gate": -1.0}
    both = shaped(["format:style=r1,weight=0.2", "format:style=answer_tag,weight=0.05"], good, bad)
    assert [v.reward for v in both] == [pytest.approx(1.25), 1.0]
    assert set(both[0].parts) == {"reward.verified", "reward.format", "reward.format-2"}


def test_errors_pass_through_and_the_parts_of_verifiers_stay() -> None:
    error = Verdict.error("it broke")
    own = Verdict(0.5, True, Status.OK, "", {"format": 0.5})
    found = shaped(["cosine", "scale:by=0.5"], rollout(error, [1]), rollout(own, []), rollout(Verdict(0.3, None), [1]))
    assert found[0] == error
    assert found[1].parts == {"format": 0.5, "reward.verified": 0.5, "reward.cosine": 0.5, "reward.scale": -0.5}
    assert (found[2].status, found[2].reason) == (
        Status.ERROR,
        "reward.cosine needs a verdict that says right or wrong",
    )


def test_lcpo_tells_the_length_and_charges_the_distance() -> None:
    reward = Reward.of(["lcpo:target=64,alpha=0.01"], 100)
    assert [v.reward for v in shaped(["lcpo:target=64,alpha=0.01"], rollout(RIGHT, [1] * 60), rollout(WRONG, []))] == [
        pytest.approx(0.96),
        pytest.approx(-0.64),
    ]
    env = make("countdown", style="terse")
    told = reward.told(env)
    plain, asked = env.problem(3), told.problem(3)
    assert asked.text == f"{plain.text}\n\nThink for 64 tokens."
    assert (asked.answer, asked.address, asked.key) == (plain.answer, plain.address, plain.key)
    oracle = told.oracle(asked)
    assert oracle == env.oracle(plain)
    assert told.start(asked).reply(str(oracle)) == env.start(plain).reply(str(oracle))
    assert env.problem(3).text == plain.text  # the environment that was given is as it was
    at_most = Reward.of(["lcpo:target=64,mode=max"], 100).told(env).problem(3)
    assert at_most.text.endswith("\n\nThink for at most 64 tokens.")
    assert Reward.of(["cosine"], 100).told(env) is env


def test_a_range_of_lengths_is_drawn_by_the_problem_alone() -> None:
    reward = Reward.of(["lcpo:target=10-40,alpha=0.01"], 100)
    env = reward.told(make("countdown"))
    problems = [env.problem(index) for index in range(200)]
    targets = [target_of(reward.stages[0], problem) for problem in problems]
    assert set(targets) == set(range(10, 41))
    for problem, target in zip(problems, targets, strict=True):
        assert problem.text.endswith(f"Think for {target} tokens.")
        assert target_of(reward.stages[0], make("countdown").problem(problem.address.index)) == target
    one = rollout(RIGHT, [1] * 20)
    wanted = target_of(reward.stages[0], one.problem)
    assert reward.shaped([one])[0].verdict.reward == pytest.approx(1 - 0.01 * abs(wanted - 20))


def test_lcpo_around_an_environment_that_tells_something_itself() -> None:
    env = make("python-tool", task="countdown", style="terse", level=1)
    told = Reward.of(["lcpo:target=64"], 100).told(env)
    problem = told.problem(0)
    assert problem.text.endswith("Think for 64 tokens.") and "<python>" in problem.text
    plain = env.problem(0)
    episode = told.start(problem)
    assert episode.messages[-1]["content"] == problem.text
    oracle = make("countdown", style="terse", level=1).oracle(make("countdown", style="terse").problem(0, level=1))
    assert told.task.oracle(problem) == env.task.oracle(plain) == oracle
    verdict = episode.reply(str(oracle))
    assert verdict is not None and verdict.correct


def test_what_is_told_of_the_reward() -> None:
    words = [
        "gate:style=r1",
        "cosine:wrong=-2",
        "overlong",
        "lcpo:target=5-9,mode=max",
        "repetition:n=3",
        "clip:low=-1",
    ]
    assert Reward.of(words, 100).describe().splitlines() == [
        "reward: R is the verifier's, n the sampled tokens of a reply; then, in this order",
        "  gate         R where the reply passes format(style=r1), else 0",
        "  cosine       in place of R, by a cosine of n from 0 to 100 tokens: right 1 to 0.5, wrong -2 to -0.5; "
        "from 100 on -1",
        "  overlong     R + 1 times: 0 up to 80 tokens, then linear to -1 at 100 (soft overlong)",
        "  lcpo         R clip(0.0003 (n* - n) + 0.5; 0, 1), n* = 5-9 tokens by problem, told in the prompt (LCPO)",
        "  repetition   R - 1 (share of 3-grams of tokens that stood earlier in the reply)",
        "  clip         R held between -1 and 1",
    ]
    assert "R + 0.1 format(style=boxed)" in Reward.of(["format:style=boxed"], 9).describe()
    assert "scale        0.9 R" in Reward.of(["scale:by=0.9"], 9).describe()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "cosin",
            "reward holds 'cosin', and there is no 'cosin' (did you mean cosine?); a word is one of gate, format,",
        ),
        ("", "reward holds '', and there is no ''; a word is one of gate, format,"),
        (
            "cosine:max_token=5",
            "reward: cosine has no option 'max_token' (did you mean max_tokens?); it has max_tokens,",
        ),
        ("cosine:5", "reward: cosine:5 holds '5', which is not option=value"),
        ("cosine:max_tokens=ten", "reward: cosine: max_tokens='ten' is not a whole number"),
        ("cosine:max_tokens=1,max_tokens=2", "reward: cosine is given max_tokens twice; keep one"),
        ("cosine:max_tokens=-5", "reward: cosine: max_tokens=-5 is negative; 0 is the default"),
        ("cosine:wrong=nan", "reward: cosine: wrong=nan is beyond all sense"),
        ("clip:low=2", "reward: clip: clip bounds low=2.0, high=1.0: low must not be above high"),
        (
            "overlong:cache=200",
            "reward: overlong: cache=200 tokens is wider than the limit of 100; set cache to 100 or",
        ),
        ("repetition:n=0", "reward: repetition: n=0 is too small; set it to 1 or more"),
        ("scale", "reward: scale needs by, as in scale:by=0.9"),
        ("lcpo", "reward: lcpo needs target, as in lcpo:target=512"),
        ("lcpo:target=0", "reward: lcpo: target='0' is no length; write target=512, or target=100-4000 to vary it"),
        ("lcpo:target=9-3", "reward: lcpo: target='9-3' is no length"),
        ("lcpo:target=50-101", "reward: lcpo: target=50-101 is beyond the limit of 100 tokens, so no reply can be so"),
        ("lcpo:target=9,mode=exakt", "reward: lcpo: mode='exakt' is not known (did you mean exact?); exact or max"),
        ("gate:style=boxd", "reward: gate: format has no style 'boxd'; did you mean 'boxed'"),
        ("gate:styl=r1", "reward: gate has no option 'styl' (did you mean style?); it has"),
        ("gate:strict=perhaps", "reward: gate: strict='perhaps' is neither true nor false"),
    ],
)
def test_words_that_cannot_be_meant(word: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Reward.of([word], 100)
    assert str(caught.value).startswith(message)
    with pytest.raises(ConfigError, match="lcpo twice"):
        Reward.of(["lcpo:target=5", "lcpo:target=6"], 100)


def test_long_replies_are_not_charged_twice() -> None:
    Reward.of(["cosine"], 100).check(PRESETS["dapo"])
    Reward.of(["overlong"], 100).check(PRESETS["grpo"])
    with pytest.raises(ConfigError, match=r"the objective has overlong=penalty.*set --overlong none"):
        Reward.of(["overlong"], 100).check(PRESETS["dapo"])


@pytest.mark.parametrize(
    ("words", "below"),
    [
        ([], False),
        (["gate:style=r1", "format", "scale:by=0.5", "lcpo:target=5,mode=max"], False),
        (["gate:otherwise=-1"], True),
        (["format:weight=-0.1"], True),
        (["cosine"], True),
        (["overlong", "cosine:wrong=0,wrong_long=0.1,exceed=0"], False),
        (["overlong"], True),
        (["lcpo:target=5"], True),
        (["repetition"], True),
        (["scale:by=-1"], True),
        (["repetition", "clip"], False),
        (["repetition", "clip:low=-1"], True),
        (["clip:low=-1"], False),
        (["clip:low=-2,high=-1"], True),
    ],
)
def test_an_objective_that_takes_no_rewards_below_0_says_so_before_the_run(words: list[str], below: bool) -> None:
    reward, objective = Reward.of(words, 100), Objective(scale="mean")
    Reward.of(words, 100).check(Objective(scale="group"))
    if not below:
        reward.check(objective)
        return
    with pytest.raises(ConfigError, match=r"may be below 0.*end --reward with clip:low=0, or set --scale group"):
        reward.check(objective)


def test_shaping_agrees_with_the_formulas_that_the_goldens_hold() -> None:
    lengths = torch.tensor([0, 1, 40, 79, 80, 81, 99])
    for verdict in (RIGHT, WRONG):
        correct = torch.full((7,), int(bool(verdict.correct)))
        for word, formula in {
            "cosine": rewards.cosine(lengths, correct, 100),
            "overlong": correct + rewards.soft_overlong(lengths, 100, 20),
            "lcpo:target=50,alpha=0.01": rewards.lcpo_exact(lengths, correct, 50, 0.01),
            "lcpo:target=50,alpha=0.01,mode=max": rewards.lcpo_max(lengths, correct, 50, 0.01),
        }.items():
            said = shaped([word], *(rollout(verdict, [1] * n) for n in lengths.tolist()))
            assert [one.reward for one in said] == pytest.approx(formula.tolist()), word


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


WORDS = ("lcpo:target=2-5,alpha=0.02", "repetition:weight=0.3,n=1", "clip:low=-0.1,high=0.9")


def test_a_run_shapes_what_it_learns_from_and_writes_every_part_down(small_run: Any) -> None:
    from verigym.trainer.loop import train

    run = small_run(problems={"reward": WORDS}, rollout={"max_new_tokens": 8})
    directory = train(run).directory
    told = (directory / "objective.txt").read_text()
    assert "\nreward: R is the verifier's" in told and "n* = 2-5 tokens by problem" in told
    names = {"reward.verified", "reward.lcpo", "reward.repetition", "reward.clip"}
    for line in lines(directory / "metrics.jsonl"):
        assert list(line["parts"]) == ["reward.verified", "reward.lcpo", "reward.repetition", "reward.clip"]
        assert sum(line["parts"].values()) == pytest.approx(line["reward"])
        tokens = line["tokens"]
        assert tokens.pop("sampled") == sum(tokens.values())
    for line in lines(directory / "rollouts" / "step-000004.jsonl"):
        assert set(line["parts"]) == names and sum(line["parts"].values()) == pytest.approx(line["reward"])
        assert "\n\nThink for " in line["messages"][-1]["content"]
        ids, asked = line["token_ids"], int(line["messages"][-1]["content"].split()[-2])
        assert line["parts"]["reward.lcpo"] == pytest.approx(-0.02 * abs(asked - len(ids)))
        assert line["parts"]["reward.repetition"] == pytest.approx(-0.3 * (1 - len(set(ids)) / len(ids)))
        assert -0.1 <= line["reward"] <= 0.9
    assert "What the reward is made of" in (directory / "report.html").read_text()


def test_a_shaped_run_repeats_and_goes_on_bit_for_bit(small_run: Any) -> None:
    from verigym.trainer.loop import train
    from verigym.trainer.run import RunDirectory

    change = {"problems": {"reward": WORDS}}
    whole, half = train(small_run("whole", **change)), train(small_run("half", **change), stop_at=2)
    directory, run = RunDirectory.open(half.directory)
    assert run.problems.reward == WORDS
    train(run, resume=directory.root)
    for name in ("metrics.jsonl", "eval.jsonl", "objective.txt"):
        assert (whole.directory / name).read_bytes() == (half.directory / name).read_bytes()
    plain = train(small_run("plain"))
    assert (plain.directory / "metrics.jsonl").read_bytes() != (whole.directory / "metrics.jsonl").read_bytes()


def test_held_out_scores_are_the_verifiers(small_run: Any) -> None:
    from verigym.trainer.loop import train

    plain = train(small_run("plain"), stop_at=1)
    shaped_run = train(small_run("shaped", problems={"reward": ("scale:by=0", "clip:low=-5,high=-4")}), stop_at=1)
    assert plain.before == shaped_run.before
    for kind in ("greedy", "sampled"):
        files = [run.directory / "held_out" / f"before-{kind}.jsonl" for run in (plain, shaped_run)]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_the_objectives_own_penalty_is_among_the_parts(small_run: Any) -> None:
    from verigym.trainer.loop import train

    run = small_run(objective={"objective": "grpo", "overlong": ("penalty", "cache=6")}, optim={"steps": 1})
    (line,) = lines(train(run).directory / "metrics.jsonl")
    # the slope covers all of the limit of 6 tokens: -n/6
    assert line["parts"] == {"objective.overlong": pytest.approx(-line["length"] / 6)}


def test_a_reward_that_cannot_be_made_stops_the_run_with_its_reason(small_run: Any) -> None:
    from verigym.trainer.config import RunStopped
    from verigym.trainer.loop import train

    # the environment gives numbers beyond [0, 1], of which nothing can be said to be right
    run = small_run(problems={"reward": ("cosine",)})
    path = Path(run.problems.env)
    path.write_text(path.read_text().replace("return sum(", "return 2 + sum("))
    with pytest.raises(RunStopped, match=r"reward\.cosine needs a verdict that says right or wrong"):
        train(run)


def test_problem_addresses_survive_the_words() -> None:
    problem = Reward.of(["lcpo:target=7"], 9).told(make("countdown")).problem(1)
    assert isinstance(problem, Problem) and str(problem.address) == str(make("countdown").problem(1).address)
