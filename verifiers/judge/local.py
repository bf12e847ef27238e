"""A model of our own as the judge: a directory in Hugging Face layout or a Hub id, through transformers, greedy.

    LocalModel("path/to/model").complete({"messages": [...], "max_tokens": 256}, until, budget)

Loaded at the first judgement. One judgement at a time: give it a device of its own while something else trains.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

from verigym.verifiers.convert import describe
from verigym.verifiers.judge.budget import Budget
from verigym.verifiers.judge.store import Failed, Said


class LocalModel:
    """A causal language model with its tokenizer. Any thread may use it; they wait for each other."""

    def __init__(self, path: str, device: str = "auto") -> None:
        self._path, self._device = path, device
        self._loaded: tuple[Any, Any] | None = None
        self._lock = threading.Lock()

    def complete(self, request: Mapping[str, Any], until: float, budget: Budget) -> Said:
        """What the model says, greedily. until: when to give up, by `time.monotonic`. Raises Failed."""
        if not self._lock.acquire(timeout=max(0.0, until - time.monotonic())):
            raise Failed("the local judge was busy with other replies all the time")
        try:
            return self._say(request, until, budget)
        except Failed:
            raise
        except Exception as failure:  # the border to transformers: whatever it raises, the reply is not at fault
            raise Failed(f"the local judge {self._path!r} failed: {describe(failure)}") from failure
        finally:
            self._lock.release()

    def _say(self, request: Mapping[str, Any], until: float, budget: Budget) -> Said:
        import torch

        model, tokenizer = self._loaded = self._loaded or self._load()
        text = _as_text(tokenizer, request["messages"])
        ids = torch.tensor([tokenizer(text, add_special_tokens=not tokenizer.chat_template)["input_ids"]])
        length, most = ids.shape[1], int(request["max_tokens"])
        context = getattr(model.config, "max_position_embeddings", None) or length + most
        if length + most > context:
            raise Failed(
                f"the case has {length} tokens and max_tokens={most}, and the context of {self._path!r} is {context}: "
                "take a judge with a longer context, or set max_tokens lower"
            )
        with budget.call(length, most) as held:
            with torch.no_grad():
                made = model.generate(
                    ids.to(model.device),
                    attention_mask=torch.ones_like(ids).to(model.device),
                    do_sample=False,
                    max_new_tokens=most,
                    max_time=max(0.01, until - time.monotonic()),
                    pad_token_id=tokenizer.pad_token_id
                    if tokenizer.pad_token_id is not None
                    else tokenizer.eos_token_id,
                )
            new = made[0, length:]
            held.cost(length, len(new))
        if time.monotonic() >= until:
            raise Failed("the local judge did not end in time")
        return Said(tokenizer.decode(new, skip_special_tokens=True), length, len(new))

    def _load(self) -> tuple[Any, Any]:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        device = self._device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        model = AutoModelForCausalLM.from_pretrained(self._path, dtype="auto")
        return model.to(device).eval(), AutoTokenizer.from_pretrained(self._path)


def _as_text(tokenizer: Any, messages: list[dict[str, str]]) -> str:
    """The messages as the model reads them. The tokenizer's own special tokens in a message are broken up: in data they
    would pose as turns."""
    marks = sorted((mark for mark in tokenizer.all_special_tokens if len(mark) > 1), key=len, reverse=True)

    def tame(text: str) -> str:
        for mark in marks:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text

    tamed = [{**message, "content": tame(message["content"])} for message in messages]
    if tokenizer.chat_template:
        return str(tokenizer.apply_chat_template(tamed, tokenize=False, add_generation_prompt=True))
    return "\n\n".join(message["content"] for message in tamed) + "\n\n"
