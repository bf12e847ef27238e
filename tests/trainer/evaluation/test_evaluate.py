"""Sampling held-out problems: seeds, errors, the files of an evaluation, and `evaluate` with a tiny model."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from verigym.envs.drive import Driver
from verigym.envs.env import Env, EnvError
from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level, SpaceTooSmall
from verigym.trainer.config import ConfigError
from verigym.trainer.engines.engine import Completion, Request, Sampling
from verigym.trainer.evaluation.evaluate import evaluate, held_out, score
from verigym.trainer.evaluation.samples import SampleStore, line_of
from verigym.trainer.evaluation.scores import NoAccuracy, Sample, pass_at
from verigym.trainer.seeds import sample_seed
from verigym.verifiers.verdict import Verdict

END = 0


def double(rng: random.Random, level: int) -> Problem:
    number = rng.randrange(10**level * 100)
    return Problem(prompt=f"{number} + {number} = ", answer=str(2 * number), meta={"number": number})


TASK = Generated("double", double, levels={1: Level("small", 1000, 0.01), 2: Level("large", 10000, 0.01)})


def verify(problem: Problem, reply: str) -> Verdict:
    if reply == "crash":
        raise RuntimeError("the grader fell over")
    return Verdict.right("yes", reply) if reply == problem.answer else Verdict.wrong("no", reply)


class LetterChat:
    """Texts as code points; 0 ends a reply."""

    stop_ids = (END,)

    def start(self, messages):
        return tuple(map(ord, "\n".join(message["content"] for message in messages)))

    def text(self, token_ids):
        return "".join(chr(token) for token in token_ids if token != END)


@dataclass
class SeededEngine:
    """Answers rightly when the request's seed is even; writes down what it was asked."""

    version: int = 3
    seeds: list[int] = field(default_factory=list)
    sampling: list[Sampling] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    reply: str | None = None
    repeats: bool = False
    over: list[tuple[int, Completion]] = field(default_factory=list)

    def add(self, requests: list[Request], sampling: Sampling) -> list[int]:
        self.batches.append(len(requests))
        self.sampling.append(sampling)
        tickets = []
        for request in requests:
            self.seeds.append(request.seed)
            number = int("".join(map(chr, request.prompt_ids)).split()[0])
            reply = self.reply or str(2 * number if request.seed % 2 == 0 else 2 * number + 1)
            ids = (*map(ord, reply), END)[: sampling.max_new_tokens]
            done = Completion(ids, (0.0,) * len(ids), "stop" if ids[-1] == END else "length", self.version)
            tickets.append(len(self.seeds))
            self.over.append((tickets[-1], done))
        return tickets

    def advance(self, wait_s: float = 0.2) -> list[tuple[int, Completion]]:
        over, self.over = self.over, []
        return over


def sampled(engine: SeededEngine, problems: list[Problem], **settings):
    with Driver(Env(TASK, verify)) as driver:
        return score(engine, LetterChat(), driver, problems, **{"max_new_tokens": 32, "context": 512, **settings})


def test_seeds_are_hashes_of_seed_address_and_sample_whatever_the_rounds():
    problems = TASK.problems(5, split="test")
    whole, rounds = SeededEngine(), SeededEngine()
    first = sampled(whole, problems, samples=3, temperature=1.0, seed=7)
    second = sampled(rounds, problems[::-1], samples=3, temperature=1.0, seed=7, round_size=6)
    assert (whole.batches, rounds.batches) == ([15], [6, 6, 3])
    assert whole.seeds == [sample_seed(7, "eval", str(p.address), s) for p in problems for s in range(3)]
    assert sorted(first.samples, key=line_of) == sorted(second.samples, key=line_of)
    assert len(set(whole.seeds)) == 15
    assert sorted(sampled(SeededEngine(), problems, samples=3, temperature=1.0, seed=8).samples, key=line_of) != sorted(
        first.samples, key=line_of
    )


def test_a_sample_holds_what_was_said_and_how_it_was_graded():
    problem = TASK.problem(3, split="test", level=2)
    scores = sampled(SeededEngine(), [problem], samples=2, temperature=0.5)
    one = scores.samples[0]
    even = one.seed % 2 == 0
    assert (one.problem, one.level, one.sample, one.key) == (str(problem.address), 2, 0, problem.key)
    assert (one.correct, one.reason) == ((True, "yes") if even else (False, "no"))
    assert one.extracted == one.reply == str(2 * problem.meta["number"] + (not even))
    assert (one.tokens, one.finish) == (len(one.reply) + 1, "stop")
    tally = scores.tallies[0]
    assert (tally.n, tally.c) == (2, sum(sample.seed % 2 == 0 for sample in scores.samples))


def test_cut_replies_are_counted_and_wrong():
    scores = sampled(SeededEngine(reply="1234567"), TASK.problems(2, split="test"), max_new_tokens=4)
    assert scores.truncated == 1.0
    assert scores.statuses == {"truncated": 2}
    assert pass_at(scores, 1).value == 0.0


def test_a_grader_that_fails_is_an_error_and_leaves_n():
    problems = TASK.problems(2, split="test")
    scores = sampled(SeededEngine(reply="crash"), problems)
    assert scores.errors == 2
    assert "fell over" in scores.first_error
    with pytest.raises(NoAccuracy, match=r"all 2 verdicts are errors, so nothing was scored; the first: .*fell over"):
        pass_at(scores, 1)


def test_a_prompt_beyond_the_context_is_an_error_that_names_its_length():
    scores = sampled(SeededEngine(), TASK.problems(1, split="test"), context=3)
    assert scores.errors == 1
    assert "the model's context is 3" in scores.first_error


def test_held_out_problems_are_distinct_shared_among_levels_and_checked():
    env = Env(TASK, verify)
    chosen = held_out(env, "test", (1, 2), 7)
    assert [problem.address.level for problem in chosen] == [1] * 4 + [2] * 3
    assert len({problem.key for problem in chosen}) == 7
    assert len(held_out(env, "validation", (2,), None)) == 256  # a generator has no end
    with pytest.raises(SpaceTooSmall, match=r"ask for .* or fewer"):
        held_out(env, "validation", (), None)
    with pytest.raises(EnvError, match="no split 'tset'; did you mean 'test'"):
        held_out(env, "tset", (), 3)
    with pytest.raises(EnvError, match="no level 9"):
        held_out(env, "test", (9,), 3)
    with pytest.raises(ConfigError, match="problems=1 are too few for 2 levels"):
        held_out(env, "test", (1, 2), 1)
    with pytest.raises(ConfigError, match="problems=0 is too few"):
        held_out(env, "test", (), 0)


def two_each(*names: str) -> list[Sample]:
    return [Sample(name, i, i == 0, reply="é\u2028\ud800\n", extracted="x") for name in names for i in range(2)]


def test_store_goes_on_after_a_torn_line(tmp_path: Path):
    store = SampleStore.open(tmp_path / "e", {"n": 2})
    store.append(two_each("a", "b", "c"))
    text = store.samples.read_bytes()
    lines = text.splitlines(keepends=True)
    store.samples.write_bytes(b"".join(lines[:3]) + lines[3][:20])
    again = SampleStore.open(tmp_path / "e", {"n": 2})
    # b has one whole line and a torn one: it is sampled anew as a whole.
    assert again.finished(2) == {"a": two_each("a")}
    assert store.samples.read_bytes() == b"".join(lines[:2])
    again.append(two_each("b", "c"))
    assert store.samples.read_bytes() == text


def test_store_refuses_other_settings_and_other_directories(tmp_path: Path):
    SampleStore.open(tmp_path / "e", {"n": 2, "model": "a", "stop": ("x",)})
    SampleStore.open(tmp_path / "e", {"n": 2, "model": "a", "stop": ("x",)})
    with pytest.raises(ConfigError, match=r"holds samples of other settings: n was 2 and is now 4\. Give the old"):
        SampleStore.open(tmp_path / "e", {"n": 4, "model": "a", "stop": ("x",)})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("precious")
    with pytest.raises(ConfigError, match="is not empty and holds no evaluation; choose another --out"):
        SampleStore.open(tmp_path / "full", {"n": 2})
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot write the evaluation to .*choose another --out"):
        SampleStore.open(tmp_path / "file" / "e", {"n": 2})


def test_store_names_a_bad_line_in_the_middle(tmp_path: Path):
    store = SampleStore.open(tmp_path, {"n": 1})
    store.samples.write_text(
        line_of(Sample("a", correct=True)) + '{"problem": "b"}\n' + line_of(Sample("c", correct=True))
    )
    with pytest.raises(ConfigError, match=r"samples\.jsonl, line 2 is not a sample with the fields problem, sample"):
        store.finished(1)


TINY = {"problems": 6, "n": 2, "k": (1, 2), "max_new_tokens": 4, "device": "cpu"}


@pytest.fixture(scope="module")
def first_run(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("evaluation") / "first"
    evaluate("tiny-qwen2", env="reverse", out=out, **TINY)
    return out


def test_evaluate_writes_samples_settings_and_summary(first_run: Path):
    lines = [json.loads(line) for line in (first_run / "samples.jsonl").read_text().splitlines()]
    assert len(lines) == 12
    assert {line["problem"].split("/")[1] for line in lines} == {"test"}
    assert all(line["tokens"] <= 4 for line in lines)
    summary = json.loads((first_run / "summary.json").read_text())
    assert (summary["problems"], summary["samples"]) == (6, 12)
    right = sum(line["correct"] is True for line in lines)
    assert summary["pass@k"]["1"]["value"] == pytest.approx(right / 12)
    assert set(summary["maj@k"]) == {"1", "2"}
    settings = json.loads((first_run / "settings.json").read_text())
    assert (settings["model"], settings["env"], settings["n"], settings["temperature"]) == (
        "tiny-qwen2",
        "reverse",
        2,
        1.0,
    )


def test_evaluate_goes_on_where_it_was_killed_and_samples_nothing_twice(first_run: Path, tmp_path: Path):
    text = (first_run / "samples.jsonl").read_bytes()
    half = tmp_path / "half"
    half.mkdir()
    (half / "settings.json").write_bytes((first_run / "settings.json").read_bytes())
    (half / "samples.jsonl").write_bytes(text[: len(text) // 2])
    seen: list[int] = []
    report = evaluate(
        "tiny-qwen2", env="reverse", out=half, progress=lambda scores, total: seen.append(len(scores.samples)), **TINY
    )
    assert (half / "samples.jsonl").read_bytes() == text
    assert len(report.scores.samples) == 12
    evaluate("tiny-qwen2", env="reverse", out=half, progress=lambda *_: pytest.fail("sampled again"), **TINY)
    # Smaller rounds and batches give the same samples.
    small = evaluate("tiny-qwen2", env="reverse", **{**TINY, "engine_args": ("batch=3",)})
    assert b"".join(line_of(sample).encode() for sample in small.scores.samples) == text
    with pytest.raises(
        ConfigError, match=r"seed was 0 and is now 1; weights was|weights was .*seed was 0 and is now 1"
    ):
        evaluate("tiny-qwen2", env="reverse", out=half, seed=1, **TINY)


def test_greedy_is_one_sample_at_temperature_0():
    report = evaluate("tiny-qwen2", env="reverse", greedy=True, problems=3, max_new_tokens=2, device="cpu")
    assert (report.settings["temperature"], len(report.scores.samples), report.out) == (0.0, 3, None)
    assert report.pass_at[1].method == "wilson"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": (1, 8), "n": 4}, "k=8 needs at least 8 samples a problem, and n=4; set -n 8"),
        ({"k": (0,)}, "names no number of samples"),
        ({"n": 0}, "n=0 is too small"),
        ({"greedy": True, "n": 4}, "greedy replies are all alike, so n=4"),
        ({"temperature": 0.0, "n": 2}, "greedy replies are all alike, so n=2"),
        ({"temperature": -1.0}, "temperature=-1.0 is negative"),
        ({"top_p": 0.0}, "top_p=0.0 is not a share"),
        ({"top_k": -1}, "top_k=-1 is negative"),
        ({"max_new_tokens": 0}, "max_new_tokens=0 is too small"),
        ({"engine": "vlm"}, "engine='vlm' is not known: did you mean 'vllm'"),
        ({"engine_args": ("memory=1",)}, "engine_args of transformers holds 'memory=1'"),
        ({"engine": "vllm", "engine_args": ("batch=0",)}, "engine_args of vllm: batch=0 is too small"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_loaded(settings, message):
    with pytest.raises(ConfigError, match=message):
        evaluate("no-such-model", env="no-such-env", **settings)
