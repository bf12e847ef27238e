"""The generators of the package `reasoning-gym` as environments `reasoning-gym/NAME`.

    env = verigym.envs.make("reasoning-gym/countdown", split="test", level=2)

Theirs are the questions and, where nothing stricter of ours stands before it, the scorer. Ours are the addresses and
splits (`task.py`), the walls around their code (`inside.py` runs in the sandbox), what an answer must look like before
their scorer sees it (`forms.py`, `checks.py`), and the verdicts (`grader.py`). What the package does without this is
measured in docs/reasoning-gym.md.
"""
