"""New weights on their way from the trainer to the engine.

Sync(engine, policy).publish(version=3)
"""

from verigym.trainer.engines.engine import Engine
from verigym.trainer.policy import Policy


class Sync:
    """Hands the policy's weights to an engine."""

    def __init__(self, engine: Engine, policy: Policy) -> None:
        self.engine = engine
        self.policy = policy

    def publish(self, version: int) -> None:
        """The engine samples from the policy's weights as they are now, and calls them `version`."""
        weights = dict(self.policy.model.named_parameters()) if self.engine.own_copy else {}
        self.engine.load_weights(weights, version)
