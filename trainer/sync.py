"""New weights on their way from the trainer to the engine.

Sync(engine, policy).publish(version=3)
"""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verigym.trainer.engines.elsewhere import Elsewhere
from verigym.trainer.engines.engine import Engine
from verigym.trainer.policy import Policy
from verigym.trainer.shard import full_weights, is_cut


class Sync:
    """Hands the policy's weights to an engine.

    adapter: send a LoRA adapter as files, in place of weights by name; rests: the engine shares the trainer's memory,
    and sleeps while it learns."""

    def __init__(self, engine: Engine, policy: Policy, *, adapter: bool = False, rests: bool = False) -> None:
        self.engine = engine
        self.policy = policy
        self.adapter = adapter
        self.rests = rests
        self._gathered: Mapping[str, Any] | None = None
        self._folder: Path | None = None

    def publish(self, version: int) -> None:
        """The engine samples from the policy's weights as they are now, and calls them `version`. Where they are cut
        over ranks, every rank must publish."""
        self.gather()
        self.load(version)

    def gather(self) -> None:
        """Takes together, for a later `load`, what is cut over ranks; every rank must. Nothing where nothing is cut."""
        model = self.policy.model
        if self.engine.own_copy and is_cut(model):
            self._gathered = full_weights(model, keep=not isinstance(self.engine, Elsewhere))

    def load(self, version: int) -> None:
        """Hands the engine what was gathered, or the weights as they are now. Nothing may be under way in it."""
        if self.rests:
            self.engine.wake()
        if self.adapter:
            self._send_adapter(version)
        else:
            self.engine.load_weights(self._weights() if self.engine.own_copy else {}, version)

    def rest(self) -> None:
        """Before the policy learns: an engine that shares its memory gives back what it can."""
        if self.rests:
            self.engine.sleep()

    def close(self) -> None:
        """Removes what was sent as files."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _weights(self) -> Mapping[str, Any]:
        """By name: those that were gathered, or those that learn, which are all of them without an adapter."""
        if self._gathered is not None:
            return self._gathered
        return {name: weight for name, weight in self.policy.model.named_parameters() if weight.requires_grad}

    def _send_adapter(self, version: int) -> None:
        """Writes the adapter beside the one before, which the engine may still be reading, and loads it."""
        from verigym.trainer import adapters

        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="verigym-adapter-"))
        for old in sorted(self._folder.iterdir(), key=lambda path: int(path.name))[:-1]:
            shutil.rmtree(old, ignore_errors=True)
        folder = self._folder / str(version)
        adapters.write(self.policy, folder)
        self.engine.load_adapter(folder, version)
