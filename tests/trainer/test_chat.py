import pytest

from verigym.trainer.chat import Chat
from verigym.trainer.config import ConfigError
from verigym.trainer.tiny import PLACES, character_tokenizer

USER = {"role": "user", "content": "3 17"}
ANSWER = {"role": "assistant", "content": "<answer>20</answer>"}
HINT = {"role": "user", "content": "higher"}


@pytest.fixture
def tokenizer():
    return character_tokenizer()


def test_start_opens_the_reply(tokenizer):
    ids = Chat(tokenizer).start([USER])
    tens_1 = chr(PLACES["tens"] + 1)
    assert tokenizer.convert_ids_to_tokens(ids) == ["<user>", "3", " ", tens_1, "7", "<assistant>"]


@pytest.mark.parametrize("ended", [True, False])
def test_a_conversation_of_two_turns_is_the_template_of_the_whole(tokenizer, ended):
    chat = Chat(tokenizer)
    reply = tokenizer(ANSWER["content"] + ("<eos>" if ended else ""), add_special_tokens=False)["input_ids"]
    laid = [*chat.start([USER]), *reply, *chat.follow([HINT], ended=ended)]
    whole = tokenizer.apply_chat_template([USER, ANSWER, HINT], tokenize=False, add_generation_prompt=True)
    assert laid == tokenizer(whole, add_special_tokens=False)["input_ids"]


def test_text_keeps_the_tags_and_drops_the_end(tokenizer):
    ids = tokenizer("<think>a b</think><answer>x</answer><eos>")["input_ids"]
    assert Chat(tokenizer).text(ids) == "<think>a b</think><answer>x</answer>"


def test_a_base_model_gets_plain_text(tokenizer):
    tokenizer.chat_template = None
    chat = Chat(tokenizer)
    assert tokenizer.decode(chat.start([{"role": "system", "content": "s"}, USER])) == "s\n\n3 17\n"
    assert tokenizer.decode(chat.follow([HINT], ended=True)) == "\n\nhigher\n"


def test_a_template_that_forgets_earlier_replies_is_refused(tokenizer):
    tokenizer.chat_template = "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"
    with pytest.raises(ConfigError, match="several turns"):
        Chat(tokenizer).follow([HINT], ended=True)


def test_a_tokenizer_without_an_end_token_is_refused(tokenizer):
    tokenizer.eos_token = None
    with pytest.raises(ConfigError, match=r"no end token.*eos_token"):
        Chat(tokenizer)


def test_end_tokens_of_the_model_stop_too(tokenizer):
    assert Chat(tokenizer, [9]).stop_ids == (2, 9)
