"""The engine that a run asks for, opened on its policy.

engine = open_engine(run.rollout, policy, version=0)
"""

from verigym.trainer.config import ConfigError, Rollout
from verigym.trainer.engines.engine import Engine
from verigym.trainer.engines.options import options_of
from verigym.trainer.policy import Policy


def open_engine(rollout: Rollout, policy: Policy, *, version: int = 0, own_copy: bool = False) -> Engine:
    """The engine `rollout.engine`, holding the policy's weights as `version`. own_copy: it must hold weights of its own
    also where it could share the trainer's, because it samples while they move. Raises ConfigError for what cannot
    work here, with the command that mends it; EngineError where it does not start."""
    options = options_of(rollout)
    if rollout.engine == "transformers":
        from verigym.trainer.engines.transformers import TransformersEngine

        return TransformersEngine(
            policy.model, pad_id=policy.pad_id, batch=options.batch, text=policy.chat.text, version=version
        )
    raise ConfigError(f"engine={rollout.engine!r} is not here yet; leave --engine out for transformers")
