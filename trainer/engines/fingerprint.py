"""By what two sides know that they hold the same model, whatever its weights.

Fingerprint.of(policy.model).differs(Fingerprint.of(other.model))      # "" or what differs, in words
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verigym.trainer.engines.vllm import base_weights

TRAITS = (
    "model_type",
    "vocab_size",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_act",
    "rms_norm_eps",
    "rope_theta",
    "rope_parameters",
    "rope_scaling",
    "sliding_window",
    "tie_word_embeddings",
)
"""What weights of the same shapes may be used differently by."""


@dataclass(frozen=True)
class Fingerprint:
    """shapes: name of each weight (tied ones once, without adapters) to its shape; traits: settings of the model's
    configuration, as text."""

    shapes: Mapping[str, tuple[int, ...]]
    traits: Mapping[str, str]

    @classmethod
    def of(cls, model: Any) -> "Fingerprint":
        """Of a transformers model, with or without adapters."""
        shapes = {name: tuple(weight.shape) for name, weight in base_weights(model, twice=False).items()}
        config = model.config.to_dict()
        return cls(shapes, {name: _text(config[name]) for name in TRAITS if config.get(name) is not None})

    def differs(self, other: "Fingerprint") -> str:
        """What is not the same in the other one (the trainer's), in words, or nothing."""
        for name, shape in self.shapes.items():
            theirs = other.shapes.get(name)
            if theirs != shape:
                said = "has none of that name" if theirs is None else f"has {list(theirs)}"
                return f"its {name!r} is {list(shape)}, the trainer's model {said}"
        more = next((name for name in other.shapes if name not in self.shapes), None)
        if more is not None:
            return f"it has no {more!r}, which is {list(other.shapes[more])} in the trainer's model"
        for name in sorted(self.traits.keys() | other.traits.keys()):
            ours, theirs_ = self.traits.get(name, "unset"), other.traits.get(name, "unset")
            if ours != theirs_:
                return f"its {name} is {ours}, that of the trainer's model {theirs_}"
        return ""

    def record(self) -> dict[str, Any]:
        """As plain values."""
        return {"shapes": {name: list(shape) for name, shape in self.shapes.items()}, "traits": dict(self.traits)}

    @classmethod
    def read(cls, record: Any) -> "Fingerprint":
        """From plain values. Raises ValueError."""
        shapes, traits = (record.get(name) if type(record) is dict else None for name in ("shapes", "traits"))
        if type(shapes) is not dict or type(traits) is not dict:
            raise ValueError("no fingerprint of a model")
        for shape in shapes.values():
            if type(shape) is not list or not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
                raise ValueError("no shape of a weight")
        return cls(
            {str(name)[:500]: tuple(shape) for name, shape in shapes.items()},
            {str(name)[:100]: str(value)[:1000] for name, value in traits.items()},
        )


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
