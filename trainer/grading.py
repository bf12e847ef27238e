"""Where a run's replies are graded: by this machine's workers, or by verifiers that its engine's words ask for.

with open_driver(env, run.rollout) as driver: ...
"""

from verigym.envs.drive import Driver
from verigym.envs.env import Env
from verigym.trainer.config import Rollout
from verigym.trainer.engines.options import RayOptions, options_of


def open_driver(env: Env, rollout: Rollout, *, here: bool = False) -> Driver:
    """The driver of an environment. here: by this machine in any case, for a process that grades nothing. Raises
    ConfigError and EngineError where the verifiers do not start, NoSandbox where a sandbox is needed and there is
    none."""
    options = options_of(rollout)
    if here or not isinstance(options, RayOptions) or not options.verifiers:
        return Driver(env)
    from verigym.trainer.ray_verifiers import open_verifiers

    machines = open_verifiers(options)
    try:
        return Driver(env, machines=machines)
    except BaseException:
        machines.close()
        raise
