"""The sizes of real models, written down, so that what a run needs can be said without a weight and without a network.

A model is known by its Hub id (`CONFIGS`), by the name of a tiny one, or by a directory that holds a config.json; it
can be built on the meta device, where every tensor has a shape and no bytes. The number of weights is a sum over the
shape; tests hold it to what transformers builds and to what the models' authors publish. Not covered: mixtures of
experts, convolutions, anything but a decoder of equal layers with a gated or a plain MLP.

    shape_named("Qwen/Qwen2.5-7B").parameters      # 7,615,616,512
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verigym.trainer.config import ConfigError


@dataclass(frozen=True)
class Shape:
    """A decoder's size. parameters: tied ones once; hidden, intermediate: widths; kv_width, query_width: key-value
    heads and query heads x head width (query_width 0: as wide as hidden); tied: the output head is the embedding."""

    parameters: int
    layers: int
    hidden: int
    intermediate: int
    kv_width: int
    vocabulary: int
    query_width: int = 0
    tied: bool = True

    @property
    def queries(self) -> int:
        """Width of all query heads together."""
        return self.query_width or self.hidden

    @property
    def embedding(self) -> int:
        """Weights of the embedding, which are those of the head where it is tied."""
        return self.vocabulary * self.hidden

    @property
    def layer(self) -> int:
        """Weights of one layer's matrices: queries, keys, values, output; gate, up, down."""
        return self.hidden * (2 * self.queries + 2 * self.kv_width + 3 * self.intermediate)

    @property
    def body(self) -> int:
        """Weights that take part in every token's sum, the head included and the look-up of the embedding not."""
        return self.parameters - (0 if self.tied else self.embedding)


def _qwen2(hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, **others: Any) -> dict[str, Any]:
    """Qwen2.5, arXiv:2412.15115: biases on queries, keys and values."""
    return {
        "model_type": "qwen2",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": 151936 if others.get("tie_word_embeddings") else 152064,
        "max_position_embeddings": 32768,
        **others,
    }


def _llama3(hidden: int, intermediate: int, layers: int, heads: int, **others: Any) -> dict[str, Any]:
    """Llama 3, arXiv:2407.21783: 8 key-value heads, no biases."""
    return {
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "max_position_embeddings": 131072,
        **others,
    }


_TIED = {"tie_word_embeddings": True}
_UNTIED = {"tie_word_embeddings": False}
_SHORT = {"max_position_embeddings": 4096}

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "Qwen/Qwen2.5-0.5B": _qwen2(896, 4864, 24, 14, 2, **_TIED),
    "Qwen/Qwen2.5-1.5B": _qwen2(1536, 8960, 28, 12, 2, **_TIED),
    "Qwen/Qwen2.5-3B": _qwen2(2048, 11008, 36, 16, 2, **_TIED),
    "Qwen/Qwen2.5-7B": _qwen2(3584, 18944, 28, 28, 4, **_UNTIED),
    "Qwen/Qwen2.5-14B": _qwen2(5120, 13824, 48, 40, 8, **_UNTIED),
    "Qwen/Qwen2.5-32B": _qwen2(5120, 27648, 64, 40, 8, **_UNTIED),
    "Qwen/Qwen2.5-72B": _qwen2(8192, 29568, 80, 64, 8, **_UNTIED),
    "Qwen/Qwen2.5-Math-1.5B": _qwen2(1536, 8960, 28, 12, 2, **_TIED, **_SHORT),
    "Qwen/Qwen2.5-Math-7B": _qwen2(3584, 18944, 28, 28, 4, **_UNTIED, **_SHORT),
    "meta-llama/Llama-3.2-1B": _llama3(2048, 8192, 16, 32, **_TIED),
    "meta-llama/Llama-3.2-3B": _llama3(3072, 8192, 28, 24, **_TIED),
    "meta-llama/Llama-3.1-8B": _llama3(4096, 14336, 32, 32, **_UNTIED),
    "meta-llama/Llama-3.1-70B": _llama3(8192, 28672, 80, 64, **_UNTIED),
}
"""Hub id to what its config.json says of its shape; `-Instruct` has the shape of the model without."""


def config_of(name: str) -> Any:
    """The transformers configuration of a model, from `CONFIGS`, a tiny model, or a directory's config.json: nothing
    is downloaded. Raises ConfigError for a name that stands nowhere here."""
    from transformers import AutoConfig

    from verigym.trainer.tiny import TINY_MODELS, configuration

    if name in TINY_MODELS:
        return configuration(name)
    known = name.removesuffix("-Instruct")
    if known in CONFIGS:
        return AutoConfig.for_model(**CONFIGS[known])
    path = Path(name) / "config.json" if Path(name).is_dir() else Path(name)
    if path.name != "config.json" or not path.is_file():
        near = difflib.get_close_matches(known, CONFIGS, 1, 0.6)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ConfigError(
            f"the shape of {name!r} is not known here{hint}, and the dry run on paper downloads nothing; give a "
            f"directory with its config.json as --model, or one of {', '.join([*TINY_MODELS, *CONFIGS])}"
        )
    given = json.loads(path.read_text(encoding="utf-8"))
    try:
        return AutoConfig.for_model(given.pop("model_type"), **given)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{path} describes no model that transformers knows: {error}") from error


def on_meta(config: Any) -> Any:
    """The model of a configuration on the meta device: all its weights, none of their bytes. Raises ConfigError for
    one that is no causal language model."""
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config)
    except ValueError as error:
        raise ConfigError(f"a {config.model_type} is no causal language model: {str(error).splitlines()[0]}") from error


def shape_of(config: Any, parameters: int) -> Shape:
    """The shape that a transformers configuration states."""
    config = getattr(config, "text_config", None) or config
    heads = config.num_attention_heads
    head_width = getattr(config, "head_dim", None) or config.hidden_size // heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    intermediate = getattr(config, "intermediate_size", None) or 4 * config.hidden_size  # GPT-2 leaves it unsaid
    return Shape(
        parameters,
        config.num_hidden_layers,
        config.hidden_size,
        intermediate,
        kv_heads * head_width,
        config.vocab_size,
        heads * head_width,
        bool(getattr(config, "tie_word_embeddings", True)),
    )


def shape_named(name: str) -> Shape:
    """The shape of one of `CONFIGS`, its weights counted by hand and without transformers: embedding, head where it is
    not tied, and for each layer its matrices, two norms, and Qwen's biases on queries, keys and values."""
    config = CONFIGS[name.removesuffix("-Instruct")]
    hidden, layers, heads = (config[key] for key in ("hidden_size", "num_hidden_layers", "num_attention_heads"))
    kv_width = hidden // heads * config["num_key_value_heads"]
    tied, vocabulary = config["tie_word_embeddings"], config["vocab_size"]
    shape = Shape(0, layers, hidden, config["intermediate_size"], kv_width, vocabulary, hidden, tied)
    biases = hidden + 2 * kv_width if config["model_type"] == "qwen2" else 0
    counted = (1 if tied else 2) * shape.embedding + layers * (shape.layer + 2 * hidden + biases) + hidden
    return Shape(counted, layers, hidden, config["intermediate_size"], kv_width, vocabulary, hidden, tied)
