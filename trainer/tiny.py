"""Tiny models with random weights, so that training runs on any machine with nothing to download.

A character tokenizer (printable ASCII, newline, and one token each for the think and answer tags) and transformers
architectures of under a million parameters. They are what the tests and the CPU quickstart train; real models come from
a directory or a hub.

    model, tokenizer = build("tiny-llama", seed=0)
"""

import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

SHAPE = {"hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 6}
TINY_MODELS = {"tiny-llama": "llama", "tiny-qwen2": "qwen2"}
"""Name to architecture; all have one shape, and biases on their attention. A checkpoint of tiny-llama is read rightly
by anybody's `AutoTokenizer`; to a qwen2 one transformers gives the rules of the real Qwen2's tokenizer, so only verigym
reads it rightly."""

CONTEXT = 512
"""Longest sequence of a tiny model, in tokens."""

ROLES = ("<system>", "<user>", "<assistant>", "<tool>")
TAGS = ("<think>", "</think>", "<answer>", "</answer>")
CHAT_TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<eos>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


DIGITS = string.digits
PLACES = {"tens": 0xE000, "hundreds": 0xE010}
"""Where each place's ten digits begin among the private-use characters, which stand for them inside the tokenizer."""


def character_tokenizer() -> "PreTrainedTokenizerFast":
    """A tokenizer of one token a character. Characters outside printable ASCII become `<unk>`.

    The digits of a number know their place: the 1 of `17` and the 1 of `31` are two tokens, so a model of two layers
    need not find out by counting. Digits beyond the hundreds are plain.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    specials = ["<pad>", "<unk>", "<eos>", *ROLES]
    characters = [c for c in string.printable if c.isprintable() or c == "\n"]
    placed = [(chr(start + int(digit)), digit) for start in PLACES.values() for digit in DIGITS]
    stand_ins = "".join(stand_in for stand_in, _ in placed)
    vocabulary = {
        token: i for i, token in enumerate([*specials, *TAGS, *characters, *(stand_in for stand_in, _ in placed)])
    }
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            # In a text the stand-ins are unknown characters like any other.
            normalizers.Replace(Regex(f"[{stand_ins}]"), "\ufffd"),
            *(
                normalizers.Replace(
                    Regex(f"{digit}(?=[0-9]{{{after}}}(?![0-9{stand_ins}]))"), chr(PLACES[place] + int(digit))
                )
                for place, after in (("hundreds", 2), ("tens", 1))
                for digit in DIGITS
            ),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    tokenizer.decoder = decoders.Sequence(
        [*(decoders.Replace(stand_in, digit) for stand_in, digit in placed), decoders.Fuse()]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in TAGS])  # not special: decoding keeps them
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<eos>",
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def build(name: str, *, seed: int) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    """The tiny model `name` with weights drawn from `seed`, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = character_tokenizer()
    config = configuration(name, tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config)
    return model.eval(), tokenizer


def configuration(name: str, tokenizer: "PreTrainedTokenizerFast | None" = None) -> "PreTrainedConfig":
    """The transformers configuration of a tiny model, for `character_tokenizer` or one like it."""
    from transformers import LlamaConfig, Qwen2Config

    architecture = TINY_MODELS[name]
    tokenizer = tokenizer or character_tokenizer()
    return {"qwen2": Qwen2Config, "llama": LlamaConfig}[architecture](
        vocab_size=len(tokenizer),
        num_key_value_heads=SHAPE["num_attention_heads"],
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        # Large first weights and fast rotation suit few layers and short texts: with the usual 0.02 and 10,000 the same
        # model needs twice the steps.
        initializer_range=0.1,
        rope_parameters={"rope_type": "default", "rope_theta": 10.0},
        **({"attention_bias": True} if architecture == "llama" else {}),
        **SHAPE,
    )
