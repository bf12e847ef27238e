"""An `Env` as a `gymnasium.Env`, for code that wants spaces. Needs the package gymnasium, imported only when this is
called.

    gymnasium_env(make("countdown")).reset(seed=7)       # ("Use the numbers ...", {...})

The observation is one text: what is new since the last reply. The action is the reply. `info` is plain data: the
problem's address and, at the end, the verdict's fields. A verdict of status `error` has reward 0 and `info["status"]
== "error"`: leave it out of averages.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verigym.envs.env import Env, EnvError
from verigym.tasks.problem import Message

if TYPE_CHECKING:
    import gymnasium

LONGEST = 1 << 20
"""characters of the longest text in either space"""


def gymnasium_env(env: Env, *, longest_action: int = 1024) -> "gymnasium.Env[str, str]":
    """The adapter around `env`, which it closes. longest_action: characters of the longest action that the space
    samples.

    Raises EnvError when gymnasium is not installed.
    """
    try:
        import gymnasium
    except ImportError as failure:
        raise EnvError("the Gymnasium adapter needs gymnasium: pip install gymnasium") from failure

    class AnyText(gymnasium.spaces.Text):
        """Text of any characters: a charset would have to list all of Unicode."""

        def contains(self, x: Any) -> bool:
            return isinstance(x, str) and len(x) <= LONGEST

    class GymnasiumEnv(gymnasium.Env[str, str]):
        metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - the form that gymnasium prescribes

        def __init__(self) -> None:
            self.observation_space = AnyText(LONGEST, min_length=0)
            self.action_space = AnyText(longest_action, min_length=0)

        def reset(
            self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
        ) -> tuple[str, dict[str, Any]]:
            super().reset(seed=seed)
            # Without a seed the episode comes from gymnasium's generator, which goes on where the last seed left it.
            ours = seed if seed is not None else int(self.np_random.integers(2**31))
            observation, info = env.reset(seed=ours, options=options)
            return _text(observation), _plain(info)

        def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
            observation, reward, terminated, truncated, info = env.step(action)
            return _text(observation), reward, terminated, truncated, _plain(info)

        def close(self) -> None:
            env.close()

    return GymnasiumEnv()


def _text(messages: list[Message]) -> str:
    return "\n\n".join(message["content"] for message in messages)


def _plain(info: Mapping[str, Any]) -> dict[str, Any]:
    verdict = info["verdict"]
    plain: dict[str, Any] = {"address": str(info["problem"].address)}
    if verdict is not None:
        plain.update(status=str(verdict.status), correct=verdict.correct, reason=verdict.reason)
    return plain
