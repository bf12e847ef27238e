"""The engine that a run asks for, opened on its policy.

engine = open_engine(run.rollout, policy, version=0)
"""

from collections.abc import Callable
from typing import Any

from verigym.trainer.config import Rollout
from verigym.trainer.engines.engine import Engine
from verigym.trainer.engines.options import options_of
from verigym.trainer.policy import Policy


def open_engine(rollout: Rollout, policy: Policy, *, version: int = 0, own_copy: bool = False) -> Engine:
    """The engine `rollout.engine`, holding the policy's weights as `version`. own_copy: it must hold weights of its own
    also where it could share the trainer's, because it samples while they move. Raises ConfigError for what cannot
    work here, with the command that mends it; EngineError where it does not start."""
    options = options_of(rollout)
    if rollout.engine == "transformers":
        import copy

        from verigym.trainer.engines.transformers import TransformersEngine

        return TransformersEngine(
            copy.deepcopy(policy.model).requires_grad_(False).eval() if own_copy else policy.model,
            pad_id=policy.pad_id,
            batch=options.batch,
            text=policy.chat.text,
            version=version,
            own_copy=own_copy,
        )
    return _opener(rollout.engine)(rollout, policy, options, version)


def _opener(name: str) -> Callable[[Rollout, Policy, Any, int], Engine]:
    """What opens an engine with a package of its own; each says how to get it where it is missing."""
    if name == "vllm":
        from verigym.trainer.engines.vllm import open_vllm

        return open_vllm
    if name == "vllm-server":
        from verigym.trainer.engines.server import open_server

        return open_server
    from verigym.trainer.engines.ray import open_ray

    return open_ray
