"""Load the model that learns or is evaluated: from a run, a directory, a hub, or a built-in tiny one.

policy = load_policy("tiny-llama", seed=0)
policy.chat.start([{"role": "user", "content": "3 17 25 = 11"}])
"""

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verigym.trainer.attention import use_fast_attention
from verigym.trainer.chat import Chat
from verigym.trainer.config import ConfigError
from verigym.trainer.quiet import without_progress_bars
from verigym.trainer.tiny import TINY_MODELS, build

ADAPTER = "adapter_config.json"
"""What a directory holds that is an adapter (`adapters.py`) and no model."""

DEFAULT_CONTEXT = 4096
"""Longest sequence where a model's configuration does not say."""


@dataclass(frozen=True)
class Policy:
    """A causal language model with what is needed to speak with it. context: longest sequence, in tokens."""

    model: Any
    tokenizer: Any
    chat: Chat
    name: str
    device: str
    context: int

    @property
    def parameters(self) -> int:
        """Number of weights, tied ones counted once."""
        return sum(getattr(p, "ds_numel", p.numel()) for p in self.model.parameters())  # deepspeed empties what it cuts

    @property
    def pad_id(self) -> int:
        """What fills rows up; never looked at."""
        pad = self.tokenizer.pad_token_id
        return int(self.tokenizer.eos_token_id if pad is None else pad)


def load_policy(model: str, *, dtype: str = "float32", device: str = "auto", seed: int = 0) -> Policy:
    """The model `model` names: a built-in tiny model, a run directory (its newest checkpoint), a directory in Hugging
    Face layout, or a Hub id. `seed` draws the weights of a tiny model. Raises ConfigError where nothing of that name
    can be loaded."""
    import torch

    device = pick_device(device)
    if model in TINY_MODELS:
        loaded, tokenizer = build(model, seed=seed)
    else:
        loaded, tokenizer = _load_located(_locate(model))
    loaded = _aligned(_typed(loaded.to(device), getattr(torch, dtype))).eval()
    use_fast_attention(loaded)
    generation = getattr(loaded, "generation_config", None)
    ends = getattr(generation, "eos_token_id", None)
    extra = ends if isinstance(ends, list) else [ends] if ends is not None else []
    context = getattr(loaded.config, "max_position_embeddings", None) or DEFAULT_CONTEXT
    return Policy(loaded, tokenizer, Chat(tokenizer, extra), model, device, int(context))


def pick_device(device: str) -> str:
    """`auto` becomes cuda where there is a GPU, else cpu. Raises ConfigError for a GPU that is not there."""
    import torch

    available = torch.cuda.is_available()
    if device == "auto":
        return "cuda" if available else "cpu"
    if device.startswith("cuda") and not available:
        raise ConfigError(
            f"device={device!r}, but torch {torch.__version__} sees no GPU here; set --device cpu, or install "
            "a CUDA build of torch"
        )
    return device


def _typed(model: Any, dtype: Any) -> Any:
    """The model with its weights in `dtype`. Buffers stay as they are: the frequencies of rotary positions, rounded to
    bf16, are off by whole turns a few thousand tokens on."""
    for weight in model.parameters():
        weight.data = weight.data.to(dtype)
    return model


def _aligned(model: Any) -> Any:
    """The model with every weight on a cache line of its own. A file of weights is mapped as it lies on disk, and on
    some processors a matrix product rounds by where its operands begin: a resumed run would end with other bits."""
    import torch

    with torch.no_grad():
        for weight in model.parameters():
            if weight.device.type == "cpu" and weight.data_ptr() % 64:
                weight.data = weight.data.clone()
    return model


def _locate(model: str) -> str:
    """The directory or Hub id to load."""
    path = Path(model)
    if not path.exists():
        # A Hub id is `owner/name` or a bare name; anything that looks like a path is a missing file.
        near = difflib.get_close_matches(model, TINY_MODELS, 1, 0.6)
        if model.startswith((".", "/", "~")) or model.count("/") > 1 or near:
            hint = f"did you mean {near[0]!r}?" if near else "check the path."
            raise ConfigError(
                f"no model at {model!r}; {hint} A model is a run directory, a directory in Hugging Face layout, a Hub "
                f"id, or one of {', '.join(TINY_MODELS)}"
            )
        return model
    from verigym.trainer.checkpoint import newest_checkpoint

    if (path / "config.json").exists() or (path / ADAPTER).exists():
        return str(path)
    checkpoint = newest_checkpoint(path)
    if checkpoint is None:
        raise ConfigError(
            f"{model!r} holds neither config.json (a model) nor a finished checkpoint (a run); give one of the two"
        )
    return str(checkpoint)


def _load_located(source: str) -> tuple[Any, Any]:
    """The model and the tokenizer of a directory or Hub id; where it holds an adapter, the model with it merged in."""
    folder = Path(source)
    if not (folder / ADAPTER).exists():
        return _load_pretrained(source)
    from verigym.trainer import adapters

    model, _ = _load_pretrained(adapters.base_of(folder))
    return adapters.merged(model, folder), _load_tokenizer(source)


def _load_tokenizer(source: str) -> Any:
    """The tokenizer of a directory or Hub id. One that was saved as plain `TokenizersBackend` is its tokenizer.json as
    it stands; AutoTokenizer would give it the rules of the model's family where that is qwen2, and lose every blank."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    settings = Path(source) / "tokenizer_config.json"
    saved = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    plain = saved.get("tokenizer_class") == "TokenizersBackend"
    return (PreTrainedTokenizerFast if plain else AutoTokenizer).from_pretrained(source)


def _load_pretrained(source: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM

    try:
        with without_progress_bars():
            tokenizer = _load_tokenizer(source)
            model = AutoModelForCausalLM.from_pretrained(source, dtype="auto")
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"cannot load the model {source!r}: {first} Check the name and the network (a Hub id is "
            "downloaded), or give a local directory."
        ) from error
    return model, tokenizer
