"""What verigym adds to vLLM's worker: new weights by the names of the trainer's model, told apart from ones that never
arrived.

vLLM mixes `Receiver` into its worker (`worker_extension_cls`); an engine calls it wherever the worker lives:

    engine.collective_rpc("receive_weights", args=([("model.norm.weight", tensor)],))
"""

from collections.abc import Iterable, Sequence
from typing import Any

PATH = "verigym.trainer.engines.vllm_worker.Receiver"


class Receiver:
    """Methods of a worker of vLLM."""

    def receive_weights(self, weights: Iterable[tuple[str, Any]]) -> list[str]:
        """Copies weights into the model in place, names and shapes as in the trainer's model; vLLM lays them out as it
        needs them. Returns the model's own weights that none of them went into."""
        import torch
        from vllm.config import set_current_vllm_config

        model = self.model_runner.get_model()  # type: ignore[attr-defined]
        with torch.no_grad(), set_current_vllm_config(self.vllm_config):  # type: ignore[attr-defined]
            loaded = model.load_weights(iter(weights))
        return sorted(set(dict(model.named_parameters())) - set(loaded))

    def packed_layers(self) -> list[str]:
        """The layers that multiply by a packed copy of their weights, which new weights would never reach."""
        return packed(self.model_runner.get_model())  # type: ignore[attr-defined]


def packed(model: Any) -> list[str]:
    """Names of the layers of a model on a CPU that do not multiply by the weights that they show."""
    import torch

    plain = torch.nn.functional.linear
    return [name for name, layer in model.named_modules() if getattr(layer, "cpu_linear", plain) is not plain]


def named(names: Sequence[str], most: int = 3) -> str:
    """Names for a message: the first ones, and how many there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
