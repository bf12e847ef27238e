import string

import pytest
import torch

from verigym.trainer.config import ConfigError
from verigym.trainer.policy import load_policy
from verigym.trainer.tiny import PLACES, TINY_MODELS, build, character_tokenizer


@pytest.mark.parametrize("name", TINY_MODELS)
def test_tiny_models_are_tiny_and_their_seed_decides_the_weights(name):
    (first, _), (again, _), (other, _) = build(name, seed=0), build(name, seed=0), build(name, seed=1)
    weights = [dict(model.named_parameters()) for model in (first, again, other)]
    assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])
    assert any(not torch.equal(weights[0][k], weights[2][k]) for k in weights[0])
    assert sum(p.numel() for p in first.parameters()) <= 1_000_000


def test_drawing_weights_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    build("tiny-qwen2", seed=9)
    assert torch.equal(before, torch.random.get_rng_state())


def test_every_character_is_one_token_and_comes_back():
    tokenizer = character_tokenizer()
    text = "Reverse 3 1 2:\n{[(x+y)*z/4 = ~`|\\_\"'?]}"
    ids = tokenizer(text)["input_ids"]
    assert len(ids) == len(text) and tokenizer.decode(ids) == text


@pytest.mark.parametrize("number", ["7", "17", "317", "2317", "42317", "942317", "123317", "999317"])
def test_a_number_of_any_length_comes_back_and_its_digits_know_their_place(number):
    tokenizer = character_tokenizer()
    for text in (number, f"+{number}-{number} = x{number}y", f"<answer>{number}</answer>\n{number}"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    tokens = tokenizer.convert_ids_to_tokens(tokenizer(number)["input_ids"])
    hundreds, tens = chr(PLACES["hundreds"] + 3), chr(PLACES["tens"] + 1)
    assert tokens == [*number[:-3], *[hundreds, tens, "7"][-len(number) :]]


def test_one_digit_in_two_places_is_two_tokens():
    tokenizer = character_tokenizer()
    ids = tokenizer("333")["input_ids"]
    assert len(set(ids)) == 3
    assert tokenizer("33")["input_ids"] == ids[1:]
    assert tokenizer("3")["input_ids"] == ids[2:]
    # a blank, a sign or a letter ends a number; so does a digit of another script, which is no digit here
    assert tokenizer("3 3")["input_ids"][::2] == tokenizer("3+3")["input_ids"][::2] == [ids[2], ids[2]]
    assert tokenizer("3\u0663")["input_ids"] == [ids[2], tokenizer.unk_token_id]


def test_the_places_come_after_every_character_in_the_vocabulary():
    tokenizer = character_tokenizer()
    plain = [tokenizer.convert_tokens_to_ids(c) for c in string.printable if c.isprintable() or c == "\n"]
    placed = [tokenizer.convert_tokens_to_ids(chr(start + i)) for start in PLACES.values() for i in range(10)]
    assert max(plain) < min(placed)
    assert sorted(placed) == list(range(len(tokenizer) - 20, len(tokenizer)))


def test_a_character_outside_the_alphabet_is_unknown():
    tokenizer = character_tokenizer()
    assert tokenizer.convert_ids_to_tokens(tokenizer("é9")["input_ids"]) == ["<unk>", "9"]
    hidden = "".join(chr(start) for start in PLACES.values())  # what stands for digits inside stands for none outside
    assert tokenizer.convert_ids_to_tokens(tokenizer(f"{hidden}9")["input_ids"]) == ["<unk>", "<unk>", "9"]


@pytest.mark.parametrize("name", TINY_MODELS)
def test_a_saved_tiny_model_loads_as_any_other(name, tmp_path):
    policy = load_policy(name, seed=2)
    policy.model.save_pretrained(tmp_path)
    policy.tokenizer.save_pretrained(tmp_path)
    loaded = load_policy(str(tmp_path))
    message = {"role": "user", "content": "Reverse 317 42\n<answer>0317=42</answer>"}
    ids = torch.tensor([policy.chat.start([message])])
    assert loaded.chat.start([message]) == tuple(ids[0].tolist())
    assert loaded.chat.text(ids[0].tolist()) == policy.chat.text(ids[0].tolist())
    assert torch.equal(policy.model(input_ids=ids).logits, loaded.model(input_ids=ids).logits)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tiny-qwen", "did you mean 'tiny-qwen2'"),
        ("./nowhere", "check the path"),
        ("a/b/c", "check the path"),
    ],
)
def test_a_model_that_is_not_there_is_named(name, words):
    with pytest.raises(ConfigError, match=words):
        load_policy(name)


def test_a_directory_without_a_model_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"neither config\.json"):
        load_policy(str(tmp_path))


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="--device cpu"):
        load_policy("tiny-qwen2", device="cuda")
