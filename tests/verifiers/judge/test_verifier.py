"""The judge over a real loopback server: what it is asked, what its answers come to, and what is never a score."""

import json
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from verigym.verifiers import Status, Verdict, verify, verify_many
from verigym.verifiers.table import submit

CASE = {"question": "What is 2 + 2?", "reference": "4", "rubric": "Full marks for the right sum."}


def score(value: Any, reason: str = "because") -> str:
    return json.dumps({"reason": reason, "score": value})


def judged(server: Any, reply: str = "It is 4.", answer: Any = CASE, **options: Any) -> Verdict:
    return verify("judge", reply, answer, url=server.url, model="m", **options)


def test_a_score_is_a_share_of_the_scale_and_says_nothing_of_correctness(judge_server: Any) -> None:
    verdict = judged(judge_server)
    assert (verdict.reward, verdict.correct, verdict.status) == (0.7, None, Status.OK)
    assert (verdict.reason, verdict.parts) == ("judged 0.7: because", {"judge": 0.7})
    (request,) = judge_server.requests
    assert judge_server.paths == ["/v1/chat/completions"]
    assert (request["model"], request["temperature"], request["seed"]) == ("m", 0.0, 0)
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    system, user = (message["content"] for message in request["messages"])
    assert "Full marks for the right sum." in system and "from 0 (worthless) to 10" in system
    assert all(text in user for text in ("What is 2 + 2?", "It is 4."))


@pytest.mark.parametrize(("value", "correct"), [(10, True), (8, True), (7, False), (0, False)])
def test_declared_a_verifier_a_threshold_decides(judge_server: Any, value: int, correct: bool) -> None:
    judge_server.behave = lambda handler, body: handler.say(score(value))
    assert judged(judge_server, verifier=True).correct is correct  # 0.75 by default
    assert judged(judge_server, verifier=True, threshold=0.0).correct is True
    assert judged(judge_server).correct is None


def test_criteria_are_weighted_and_each_is_a_part(judge_server: Any) -> None:
    judge_server.behave = lambda handler, body: handler.say(json.dumps({"reason": "so", "scores": [1, 3, 0]}))
    rubric = [
        {"criterion": "The sum is right.", "weight": 3},
        {"criterion": "The work is shown, step by step, in whole sentences.", "points": 4},
        {"criterion": "It is short."},
    ]
    verdict = judged(judge_server, answer={"rubric": rubric})
    assert verdict.reward == pytest.approx((3 * 1 + 3 / 4 + 0) / 5)
    assert list(verdict.parts) == ["judge", "1. The sum is right.", "2. The work is shown, step by step, in w...",
                                   "3. It is short."]  # fmt: skip
    assert list(verdict.parts.values())[1:] == [1.0, 0.75, 0.0]
    assert judged(judge_server, answer="4", rubric=json.dumps(rubric)).reward == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("first", "second", "reward", "swapped"),
    [
        ("A", "B", 1.0, 0.0),  # the reply is better in both orders
        ("B", "A", 0.0, 0.0),
        ("tie", "tie", 0.5, 0.0),
        ("A", "A", 0.5, 1.0),  # whatever stands first: an opinion on the order, not on the reply
        ("B", "B", 0.5, 1.0),
        ("A", "tie", 0.5, 1.0),
    ],
)
def test_comparing_in_both_orders(judge_server: Any, first: str, second: str, reward: float, swapped: float) -> None:
    def behave(handler: Any, body: Any) -> None:
        user = body["messages"][1]["content"]
        ours_first = user.index("It is 4.") < user.index("Four, by counting.")
        handler.say(json.dumps({"reason": "so", "better": first if ours_first else second}))

    judge_server.behave = behave
    verdict = judged(judge_server, answer={"question": "2 + 2?", "reference": "Four, by counting."}, mode="compare")
    assert (verdict.reward, verdict.correct) == (reward, None)
    assert verdict.parts == {"judge": reward, "swapped": swapped}
    assert len(judge_server.requests) == 2
    assert "REFERENCE" not in judge_server.requests[0]["messages"][1]["content"]  # it must not know which is which


def test_votes_count_by_their_middle(judge_server: Any) -> None:
    judge_server.behave = lambda handler, body: handler.say(score([2, 9, 9, 1, 9][body["seed"] % 5]))
    verdict = judged(judge_server, votes=5, temperature=0.7)
    assert (verdict.reward, verdict.parts) == (0.9, {"judge": 0.9, "agreement": 0.6})
    assert [request["seed"] for request in judge_server.requests] == [0, 1, 2, 3, 4]


def test_a_minority_of_unreadable_votes_costs_only_itself(judge_server: Any) -> None:
    judge_server.behave = lambda handler, body: handler.say("hm" if body["seed"] in (0, 1_000_003) else score(6))
    assert judged(judge_server, votes=3, temperature=0.7).reward == 0.6
    judge_server.behave = lambda handler, body: handler.say(score(6) if body["seed"] == 10 else "hm")
    verdict = judged(judge_server, votes=3, temperature=0.7, seed=10)
    assert (verdict.status, verdict.correct) == (Status.ERROR, None)
    assert "2 of 3 judgements cannot be read: it is not one JSON object" in verdict.reason


def test_an_unreadable_judgement_is_asked_for_once_more_with_another_seed(judge_server: Any) -> None:
    judge_server.behave = lambda handler, body: handler.say(score(4) if body["seed"] else "I would say 10 of 10.")
    assert judged(judge_server).reward == 0.4
    assert [request["seed"] for request in judge_server.requests] == [0, 1_000_003]


def test_the_tag_form(judge_server: Any) -> None:
    def behave(handler: Any, body: Any) -> None:
        tag = body["messages"][0]["content"].rpartition("</")[2].rstrip(">")
        handler.say(f"It is right.\n<{tag}>8</{tag}>")

    judge_server.behave = behave
    verdict = judged(judge_server, form="tag")
    assert (verdict.reward, verdict.reason) == (0.8, "judged 0.8: It is right.")


NOT_A_SCORE = [
    "10",
    "The score is 10.",
    'I think {"reason": "x", "score": 10}',
    '{"reason": "x", "score": 10} and more',
    '{"reason": "x", "score": 11}',
    '{"reason": "x", "score": -1}',
    '{"reason": "x", "score": 7.0}',
    '{"reason": "x", "score": "7"}',
    '{"reason": "x", "score": true}',
    '{"reason": "x", "score": NaN}',
    '{"reason": "x", "score": 1, "score": 10}',
    '{"score": 10}',
    '{"reason": "x", "score": 10, "correct": true}',
    '{"reason": 5, "score": 10}',
    '[{"reason": "x", "score": 10}]',
    '<think>{"reason": "x", "score": 10}',
    "",
    "[" * 100_000,
    '{"reason": "x", "score": ' + "9" * 5000 + "}",
    "x" * 1_000_000,
]


@pytest.mark.parametrize("said", NOT_A_SCORE)
def test_what_is_not_of_the_form_is_an_error_and_never_a_score(judge_server: Any, said: str) -> None:
    judge_server.behave = lambda handler, body: handler.say(said)
    verdict = judged(judge_server)
    assert (verdict.status, verdict.correct) == (Status.ERROR, None)
    assert verdict.reason.startswith("judge: 1 of 1 judgements cannot be read: ")


def test_reasoning_and_a_code_block_around_the_object_are_fine(judge_server: Any) -> None:
    judge_server.behave = lambda handler, body: handler.say(f"<think>score 10?</think>\n```json\n{score(3)}\n```\n")
    assert judged(judge_server).reward == 0.3
    judge_server.behave = lambda handler, body: handler.say('{"reason": "two\nlines", "score": 4}')
    assert judged(judge_server, reply="other").reason == "judged 0.4: two lines"


BROKEN: dict[str, Any] = {
    "a server error": lambda handler, body: handler.send(b"oops", 500),
    "too many requests": lambda handler, body: handler.send(b"slow down", 429, {"retry-after": "0"}),
    "no JSON": lambda handler, body: handler.send(b"<html>hello</html>"),
    "other JSON": lambda handler, body: handler.send(b'{"choices": []}'),
    "deep JSON": lambda handler, body: handler.send(b"[" * 200_000),
    "a number": lambda handler, body: handler.send(b"7"),
    "no text": lambda handler, body: handler.say(None),
    "a list": lambda handler, body: handler.say(["7"]),
    "no bytes": lambda handler, body: handler.send(b""),
    "not UTF-8": lambda handler, body: handler.send(b"\xff\xfe\x00"),
    "hanging up": lambda handler, body: handler.connection.close(),
    "a promise that is broken": lambda handler, body: handler.send(b"{", 200, {"content-length": "100"}),
    "half a line": lambda handler, body: handler.wfile.write(b"HTTP/1.1 2"),
    "too much": lambda handler, body: handler.send(b"x" * (5 << 20)),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_endpoint_is_asked_again_and_then_an_error(judge_server: Any, how: str) -> None:
    judge_server.behave = BROKEN[how]
    verdict = judged(judge_server, retries=2, timeout_s=5.0)
    assert (verdict.status, verdict.correct) == (Status.ERROR, None)
    assert verdict.reason.startswith("judge: the judge failed 3 times, the last time: ")
    assert len(judge_server.requests) == 3


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_endpoint_that_recovers_is_forgotten(judge_server: Any, how: str) -> None:
    def behave(handler: Any, body: Any) -> None:
        BROKEN[how](handler, body) if len(judge_server.requests) < 3 else handler.say(score(5))

    judge_server.behave = behave
    assert judged(judge_server, retries=4, timeout_s=5.0).reward == 0.5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 301, 307])
def test_what_asking_again_cannot_mend_is_not_asked_again(judge_server: Any, status: int) -> None:
    judge_server.behave = lambda handler, body: handler.send(
        b"no such model", status, {"location": "http://127.0.0.1:1/"}
    )
    verdict = judged(judge_server)
    assert verdict.status is Status.ERROR and f"the server said {status} no such model" in verdict.reason
    assert len(judge_server.requests) == 1
    assert ("give a key in the environment variable VERIGYM_JUDGE_KEY" in verdict.reason) == (status in (401, 403))


def test_nobody_listens() -> None:
    verdict = verify("judge", "4", CASE, url="http://127.0.0.1:9/v1", model="m", retries=0)
    assert verdict.status is Status.ERROR and "ConnectError" in verdict.reason


def test_slow_and_dripping_endpoints_are_left_in_time(judge_server: Any) -> None:
    def drips(handler: Any, body: Any) -> None:
        handler.send(b"", 200, {"content-length": "100000"})
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    judge_server.behave = lambda handler, body: time.sleep(3)
    started = time.monotonic()
    verdict = judged(judge_server, timeout_s=0.2, retries=1)
    assert verdict.status is Status.ERROR and "no answer within 0.2 s" in verdict.reason
    judge_server.behave = drips
    verdict = judged(judge_server, reply="other", timeout_s=0.3, retries=0)
    assert verdict.status is Status.ERROR and "did not end in time" in verdict.reason
    judge_server.behave = lambda handler, body: time.sleep(3)
    assert judged(judge_server, wait_s=0.3).status is Status.ERROR
    assert verify("judge", "4", CASE, url=judge_server.url, model="m", deadline_s=0.3).status is Status.ERROR
    assert time.monotonic() - started < 8.0


def test_slow_judgements_overlap_and_hold_no_other_verdict(judge_server: Any) -> None:
    together = threading.Barrier(6, timeout=10)

    def behave(handler: Any, body: Any) -> None:
        together.wait()  # passes only when six requests are there at once
        handler.say(score(5))

    judge_server.behave = behave
    futures = [submit("judge", f"reply {n}", CASE, url=judge_server.url, model="m", concurrency=6) for n in range(6)]
    assert verify("number", r"\boxed{4}", "4").correct
    assert [future.result(20).reward for future in futures] == [0.5] * 6


def test_no_more_at_once_than_asked_for(judge_server: Any) -> None:
    now, most = 0, 0

    def behave(handler: Any, body: Any) -> None:
        nonlocal now, most
        with judge_server.lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with judge_server.lock:
            now -= 1
        handler.say(score(5))

    judge_server.behave = behave
    replies = [f"reply {n}" for n in range(12)]
    verify_many("judge", replies, [CASE] * 12, url=judge_server.url, model="m", concurrency=3)
    assert most == 3


def test_many_keep_their_order_and_the_same_is_asked_once(judge_server: Any) -> None:
    def behave(handler: Any, body: Any) -> None:
        time.sleep(0.01)
        handler.say(score(int(body["messages"][1]["content"].split("reply ")[1][0])))

    judge_server.behave = behave
    replies = [f"reply {n % 5}" for n in range(40)]
    verdicts = verify_many("judge", replies, ["4"] * 40, url=judge_server.url, model="m")
    assert [verdict.reward for verdict in verdicts] == [n % 5 / 10 for n in range(40)]
    assert len(judge_server.requests) == 5


def test_the_cache_is_on_disk_and_knows_no_endpoint(judge_server: Any, tmp_path: Any) -> None:
    cache = str(tmp_path / "judge.sqlite")
    first = judged(judge_server, cache=cache)
    judge_server.behave = lambda handler, body: handler.send(b"", 500)
    other = judge_server.url.replace("127.0.0.1", "localhost")
    again = verify("judge", "It is 4.", CASE, url=other, model="m", cache=cache, retries=0)
    assert again == first and len(judge_server.requests) == 1
    for change in ({"model": "n"}, {"temperature": 0.5}, {"seed": 1}, {"scale": 9}, {"max_tokens": 9}):
        options = {"url": other, "model": "m", "cache": cache, "retries": 0, **change}
        assert verify("judge", "It is 4.", CASE, **options).status is Status.ERROR


KILLED = """
import os, signal, sys
from verigym.verifiers import verify
assert verify("judge", "It is 4.", sys.argv[3], url=sys.argv[1], model="m", cache=sys.argv[2]).reward == 0.7
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_cache_survives_a_kill(judge_server: Any, tmp_path: Any) -> None:
    cache = str(tmp_path / "judge.sqlite")
    done = subprocess.run([sys.executable, "-P", "-c", KILLED, judge_server.url, cache, "4"], check=False)
    assert done.returncode == -9
    judge_server.behave = lambda handler, body: handler.send(b"", 500)
    assert judged(judge_server, answer="4", cache=cache, retries=0).reward == 0.7


def test_a_file_that_is_no_cache_is_named(judge_server: Any, tmp_path: Any) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n" * 500)
    verdict = judged(judge_server, cache=str(path))
    assert verdict.status is Status.ERROR
    assert f"the judge's cache '{path}' cannot be used" in verdict.reason and "cache=" in verdict.reason
    assert path.read_text() == "my notes\n" * 500


def test_what_cannot_be_read_is_not_kept(judge_server: Any, tmp_path: Any) -> None:
    cache = str(tmp_path / "judge.sqlite")
    judge_server.behave = lambda handler, body: handler.say("hm")
    assert judged(judge_server, cache=cache).status is Status.ERROR
    judge_server.behave = lambda handler, body: handler.say(score(5))
    assert judged(judge_server, cache=cache).reward == 0.5


def test_a_spent_budget_is_an_error_with_its_reason(judge_server: Any) -> None:
    replies = [f"reply {n}" for n in range(5)]
    verdicts = verify_many("judge", replies, [CASE] * 5, url=judge_server.url, model="m", max_calls=3)
    assert sorted(verdict.status for verdict in verdicts) == ["error", "error", "ok", "ok", "ok"]
    assert len(judge_server.requests) == 3
    failed = next(verdict for verdict in verdicts if not verdict.scored)
    assert failed.reason == "judge: the budget of the judge is spent: max_calls=3; raise it, or judge less"
    # what is cached is still told
    done = next(reply for reply, verdict in zip(replies, verdicts, strict=True) if verdict.scored)
    assert judged(judge_server, reply=done, max_calls=3).reward == 0.7


def test_money_is_counted_by_the_servers_own_usage(judge_server: Any) -> None:
    usage = {"prompt_tokens": 400_000, "completion_tokens": 50_000}
    judge_server.behave = lambda handler, body: handler.say(score(5), usage=usage)
    # 0.4 * 1 + 0.05 * 10 = 0.9 a call: the second would begin at 0.9 and end above 1
    options = {"max_cost": 0.9, "price_in": 1.0, "price_out": 10.0}
    assert judged(judge_server, reply="one", **options).reward == 0.5
    verdict = judged(judge_server, reply="two", **options)
    assert verdict.status is Status.ERROR and "max_cost=0.9" in verdict.reason
    judge_server.behave = lambda handler, body: handler.say(
        score(5), usage={"prompt_tokens": -5, "completion_tokens": "x"}
    )
    assert judged(judge_server, reply="one", max_spent_tokens=3000).reward == 0.5
    assert "max_spent_tokens=3000" in judged(judge_server, reply="3" * 9000, max_spent_tokens=3000).reason


def test_the_key_is_sent_and_never_told(judge_server: Any, monkeypatch: Any, caplog: Any, tmp_path: Any) -> None:
    key = "sk-secret-0123456789"
    monkeypatch.setenv("MY_KEY", key)
    cache = tmp_path / "judge.sqlite"
    with caplog.at_level("DEBUG"):
        assert judged(judge_server, key_env="MY_KEY", cache=str(cache)).reward == 0.7
        assert judge_server.headers[-1]["authorization"] == f"Bearer {key}"
        judge_server.behave = lambda handler, body: handler.send(f"bad key {key}".encode(), 401)
        verdict = judged(judge_server, reply="other", key_env="MY_KEY")
    assert "bad key ***; give a key in the environment variable MY_KEY" in verdict.reason
    assert key not in verdict.reason and key not in caplog.text and key.encode() not in cache.read_bytes()
    assert not any(key in json.dumps(request) for request in judge_server.requests)
    monkeypatch.setenv("MY_KEY", "line\nbreak")
    verdict = judged(judge_server, reply="third", key_env="MY_KEY")
    assert verdict.reason == "judge: the environment variable MY_KEY holds characters that no key has"
    judged(judge_server, reply="fourth", key_env="UNSET_KEY")
    assert "authorization" not in judge_server.headers[-1]


def test_further_fields_of_the_request(judge_server: Any) -> None:
    judged(judge_server, body={"max_tokens": None, "max_completion_tokens": 50})
    assert judge_server.requests[0]["max_completion_tokens"] == 50 and "max_tokens" not in judge_server.requests[0]


@pytest.mark.parametrize("reply", ["", " \n", "...", ":", "<think>4", "<think>4</think>", "x" * 40_000])
def test_what_holds_no_answer_is_malformed_without_a_call(judge_server: Any, reply: str) -> None:
    verdict = judged(judge_server, reply=reply)
    assert (verdict.reward, verdict.correct, verdict.status) == (0.0, None, Status.MALFORMED)
    assert judged(judge_server, reply=reply, verifier=True).correct is False
    assert not judge_server.requests


def test_the_judge_sees_what_follows_the_reasoning_unless_told_otherwise(judge_server: Any) -> None:
    reply = "<think>SECRET THOUGHT</think>It is 4."
    judged(judge_server, reply=reply)
    judged(judge_server, reply=reply, thinking=True)
    seen = ["SECRET THOUGHT" in request["messages"][1]["content"] for request in judge_server.requests]
    assert seen == [False, True]


@pytest.mark.parametrize("reply", ["\ud800 lone", "\x00 zero", "\u202e turned", "x" * 30_000, None, 7])
def test_no_reply_raises(judge_server: Any, reply: Any) -> None:
    assert judged(judge_server, reply=reply).scored


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": ""}, "judge needs one of url= .* and local="),
        ({"local": "x"}, "judge needs one of url= .* and local="),
        ({"model": ""}, "judge needs model="),
        ({"url": "localhost:8000"}, "url='localhost:8000' is no address; write http://HOST:PORT/v1"),
        ({"url": "http://me:secret@host/v1"}, "url holds a user, a password or a query; give the key by key_env="),
        ({"mode": "rank"}, "judge has no mode 'rank'; give one of score, compare"),
        ({"form": "text"}, "judge has no form 'text'; give one of json, tag"),
        ({"votes": 2}, "votes=2 must be an odd number"),
        ({"votes": 3}, "votes=3 at temperature 0 are one opinion; set temperature"),
        ({"scale": 0}, "scale=0 must be from 1 to 1000"),
        ({"threshold": 2}, "threshold=2 must be from 0 to 1"),
        ({"wait_s": 1e9}, "wait_s=1000000000.0 must be above 0 and at most 86400, a day"),
        ({"retries": -1}, "retries=-1 must be 0 or more"),
        ({"concurrency": 0}, "concurrency=0 must be above 0"),
        ({"max_cost": 1.0}, "max_cost=1 needs price_in and price_out"),
        ({"body": "{"}, "cannot be sent"),
        ({"body": {"messages": []}}, "without messages"),
        ({"rubric": []}, "a rubric is a text, or a list of 1 to 20 criteria"),
        ({"rubric": [{"criterion": "x", "weight": 0}]}, "the weight 0 of a criterion must be a number above 0"),
        ({"rubric": [{"criterion": "x", "points": 0.5}]}, "the points 0.5 of a criterion must be a whole number"),
        ({"rubric": [{"criterion": "x", "wieght": 1}]}, "a criterion has no 'wieght'"),
        ({"scael": 5}, "verifier 'judge' has no option 'scael'; did you mean 'scale'"),
    ],
)
def test_settings_that_cannot_be_meant(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verify("judge", "4", "4", **{"url": "http://127.0.0.1:9/v1", "model": "m", **options})


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "there is nothing to judge by: give answer a question, a reference or a rubric"),
        ([1], "answer must be a text or a dict, got list"),
        ({"referense": "4"}, "answer has a field 'referense'; did you mean 'reference'"),
        ({"reference": 4}, r"answer\['reference'\] must be a text, got int"),
        ({"rubric": 7}, r"answer\['rubric'\]: a rubric is a text"),
    ],
)
def test_answers_of_another_form(answer: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verify("judge", "4", answer, url="http://127.0.0.1:9/v1", model="m")
    with pytest.raises(ValueError, match='mode="compare" needs a reference'):
        verify("judge", "4", {"question": "2 + 2?"}, url="http://127.0.0.1:9/v1", model="m", mode="compare")


def test_without_the_library_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from verigym.verifiers.judge import verifier

    verifier._missing.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        ValueError, match=r'judge needs httpx, which is not installed; run: pip install "verigym\[api\]"'
    ):
        verify("judge", "4", "4", url="http://127.0.0.1:9/v1", model="m")
    verifier._missing.cache_clear()


def test_a_judge_in_a_composition_and_for_rows(judge_server: Any, tmp_path: Any) -> None:
    from verigym.envs import make

    judging = {"url": judge_server.url, "model": "m", "verifier": True, "threshold": 0.6}
    spec = {"first_of": {"exact": "exact", "judge": {"verifier": "judge", "options": judging}}}
    verdict = verify("compose", "The answer is: four", "4", spec=spec)
    assert (verdict.correct, verdict.parts) == (True, {"exact": 0.0, "judge": 0.7, "judge.judge": 0.7})
    path = tmp_path / "essays.jsonl"
    rows = [{"prompt": f"Write about {n}.", "answer": {"question": f"{n}?", "rubric": "Be kind."}} for n in range(20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with make(str(path), verifier="judge", url=judge_server.url, model="m", concurrency="2") as env:
        verdict = env.start(env.problem(0)).reply("Kind words.")
    assert verdict is not None and (verdict.reward, verdict.correct) == (0.7, None)
