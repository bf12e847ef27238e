"""A policy that learns a low-rank adapter (arXiv:2106.09685) over weights that stay as they are, through peft.

The adapter is laid into the model in place, in fp32, so whatever computes with the model computes with it too, and only
its weights ask for a gradient. What learning is held against (the KL's reference) is a second, frozen adapter over the
same weights: not the weights without one, which a warm-up has left behind, and not a second model.

    attach(policy.model, Lora.of(("rank=16",)), seed=0)
    reference = Reference(policy.model)
    write(policy, folder)                 # peft's layout: adapter_config.json, adapter_model.safetensors

What it does not cover: dropout (the policy that learns is the one that sampled), adapters on embeddings or the head.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from verigym.trainer.config import ConfigError
from verigym.trainer.lora import Lora

LEARNED, REFERENCE = "default", "reference"
"""Names of the two adapters inside the model."""

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
BASE = "base"
"""Folder beside a run's checkpoints that holds the weights under the adapter, where nobody else keeps them."""

PREFIX = "base_model.model."
"""What peft writes before the name of every weight."""


def attach(model: Any, lora: Lora, *, seed: int) -> None:
    """Lays a new adapter into the model, which changes nothing yet (its second matrix is 0). seed: draws the first.
    Raises ConfigError where peft is missing, or the targets are not there."""
    peft = _peft()
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=int(lora.alpha) if lora.alpha == int(lora.alpha) else lora.alpha,
        target_modules=_targets(model, lora.targets),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(config, model)
    for weight in _weights(model, LEARNED).values():
        weight.data = weight.data.float()


def adapted(model: Any) -> bool:
    """Whether a model holds an adapter."""
    return hasattr(model, "peft_config")


def write(policy: Any, folder: Path) -> None:
    """Writes the policy's adapter, in peft's layout."""
    write_adapter(policy.model, folder)


def write_adapter(model: Any, folder: Path, *, base: str = "") -> None:
    """Writes the adapter that a model or a reference computes with. base: where the weights under it are."""
    from safetensors.torch import save_file

    name = getattr(model, "adapter", LEARNED)
    config = model.peft_config[LEARNED].to_dict()
    config |= {"target_modules": sorted(config["target_modules"]), "inference_mode": True}
    config["base_model_name_or_path"] = base or config["base_model_name_or_path"] or model.config._name_or_path or None
    weights = {
        PREFIX + key.replace(f".{name}.", "."): weight.detach().contiguous()
        for key, weight in _weights(model, name).items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    text = json.dumps(config, indent=2, sort_keys=True, default=_plain)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def read_adapter(model: Any, folder: Path) -> None:
    """Loads into a model, or a reference, the adapter that `write_adapter` wrote. Raises ConfigError for one of another
    shape."""
    from safetensors.torch import load_file

    name = getattr(model, "adapter", LEARNED)
    found, own = load_file(folder / WEIGHTS), _weights(model, name)
    names = {PREFIX + key.replace(f".{name}.", "."): key for key in own}
    odd = next((key for key in {*found, *names} if key not in found or key not in names), None)
    odd = odd or next((key for key, tensor in found.items() if tensor.shape != own[names[key]].shape), None)
    if odd is not None:
        raise ConfigError(
            f"the adapter in {folder} is not the one that --lora describes: they differ in {odd!r}; leave --lora as "
            "the run had it"
        )
    with torch.no_grad():
        for key, tensor in found.items():
            own[names[key]].copy_(tensor)


def merged(model: Any, folder: Path) -> Any:
    """The model with the adapter in a folder added to its weights, and no adapter left."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    attach(model, saved_lora(folder), seed=0)
    read_adapter(model, folder)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.merge()
            model.set_submodule(name, layer.get_base_layer())
    del model.peft_config
    return model.requires_grad_(True)


def saved_lora(folder: Path) -> Lora:
    """The words of the adapter in a folder."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return Lora(config["r"], config["lora_alpha"], ",".join(config["target_modules"]))


def base_of(folder: Path) -> str:
    """What the adapter in a folder lies on: the weights beside the run's checkpoints, else the model that it names."""
    if (folder.parent / BASE / "config.json").exists():
        return str(folder.parent / BASE)
    return str(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"])


def keep_base(policy: Any, checkpoints: Path) -> None:
    """Keeps the weights under the adapter for a resume: by name where they are a model of their own (a directory in
    Hugging Face layout or a Hub id), else as a copy beside the checkpoints."""
    from verigym.trainer.tiny import TINY_MODELS

    config, path = policy.model.peft_config[LEARNED], Path(policy.name)
    if policy.name not in TINY_MODELS and (not path.exists() or (path / "config.json").exists()):
        config.base_model_name_or_path = str(path.resolve()) if path.exists() else policy.name
        return
    from safetensors.torch import save_file

    place = checkpoints / BASE
    config.base_model_name_or_path = str(place.resolve())
    if (place / "config.json").exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    weights = {
        name.replace(".base_layer.", "."): weight.detach().contiguous()
        for name, weight in policy.model.named_parameters()
        if ".lora_" not in name
    }
    save_file(weights, place / "model.safetensors", metadata={"format": "pt"})
    policy.tokenizer.save_pretrained(place)
    if getattr(policy.model, "generation_config", None) is not None:
        policy.model.generation_config.save_pretrained(place)
    policy.model.config.save_pretrained(place)  # last: it is what a reader looks for


class Reference:
    """The policy's model as it computes with the frozen adapter, for scoring without a gradient; everything else is the
    model's. Made with the weights that the learned adapter has now."""

    adapter = REFERENCE

    def __init__(self, model: Any) -> None:
        import copy
        import warnings

        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.filterwarnings("ignore", message="Already found a `peft_config`")
            _peft().inject_adapter_in_model(copy.deepcopy(model.peft_config[LEARNED]), model, REFERENCE)
        for weight in _weights(model, REFERENCE).values():
            weight.data = weight.data.float()
        self.model = model
        _switch(model, LEARNED)
        self.load_state_dict(model.state_dict())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["model"], name)

    def get_decoder(self) -> Callable[..., Any]:
        """The model's body, which computes with the frozen adapter for the length of a call."""
        decoder = self.model.get_decoder()

        def read(*args: Any, **kwargs: Any) -> Any:
            with _switched(self.model):
                return decoder(*args, **kwargs)

        return read

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Takes the learned adapter out of a model's state."""
        with torch.no_grad():
            for name, weight in _weights(self.model, REFERENCE).items():
                weight.copy_(state[name.replace(f".{REFERENCE}.", f".{LEARNED}.")])


@contextmanager
def _switched(model: Any) -> Iterator[None]:
    _switch(model, REFERENCE)
    try:
        yield
    finally:
        _switch(model, LEARNED)


def _switch(model: Any, name: str) -> None:
    """Lets the model compute with an adapter. Only the learned one asks for gradients."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for layer in model.modules():
        if isinstance(layer, BaseTunerLayer):
            layer.set_adapter(name, inference_mode=name == REFERENCE)


def _weights(model: Any, adapter: str) -> dict[str, torch.nn.Parameter]:
    """An adapter's weights by their names in the model."""
    return {name: weight for name, weight in model.named_parameters() if ".lora_" in name and f".{adapter}." in name}


def _targets(model: Any, targets: str) -> list[str]:
    """Names of the linear layers that are adapted, without what stands before them. Raises ConfigError for others."""
    head = model.get_output_embeddings()
    linear = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
    wanted = linear if targets == "all-linear" else set(targets.split(","))
    odd = sorted(wanted - linear)
    if odd:
        raise ConfigError(
            f"lora: targets={targets} names {odd[0]!r}; the linear layers of this model are {', '.join(sorted(linear))}"
        )
    return sorted(wanted)


def _peft() -> Any:
    """peft, without what one of its own imports says about itself. Raises ConfigError where it is missing."""
    logger = logging.getLogger("bitsandbytes")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        import peft
    except ImportError as error:
        raise ConfigError(
            f'--lora needs peft ({error}); run `pip install -e ".[lora]"`, or leave --lora out'
        ) from error
    finally:
        logger.setLevel(level)
    return peft


def _plain(value: object) -> object:
    """Sets and enumerations as JSON knows them."""
    return sorted(value) if isinstance(value, set) else getattr(value, "value", str(value))
