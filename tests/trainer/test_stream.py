from verigym.tasks.problem import Problem
from verigym.tasks.supply import Generated, Level
from verigym.trainer.stream import ProblemStream

LEVELS = {1: Level("small", 10**6, 0.0), 2: Level("large", 10**6, 0.0)}
GENERATED = Generated("numbers", lambda rng, level: Problem(f"{level} {rng.randrange(10**9)}", ""), LEVELS)


class Rows:
    """Ten rows behind the task protocol's two methods that a stream uses."""

    def size(self, split):
        return 10

    def problem(self, index, *, split, level=None):
        return Problem(str(index), "")


def test_a_cursor_says_what_comes_next():
    stream = ProblemStream(GENERATED, split="train", levels=(), seed=0)
    first, cursor = stream.take(3, 0)
    second, end = stream.take(2, cursor)
    again, _ = ProblemStream(GENERATED, split="train", levels=(), seed=0).take(5, 0)
    assert [p.prompt for p in first + second] == [p.prompt for p in again] and end == 5


def test_the_seed_decides_the_problems():
    one, other = (ProblemStream(GENERATED, split="train", levels=(), seed=seed).at(0) for seed in (0, 1))
    assert one.prompt != other.prompt


def test_levels_are_taken_in_turn():
    problems, _ = ProblemStream(GENERATED, split="train", levels=(2, 1), seed=0).take(4, 0)
    assert [p.prompt[0] for p in problems] == ["2", "1", "2", "1"]


def test_every_row_comes_once_an_epoch_in_another_order():
    stream = ProblemStream(Rows(), split="train", levels=(), seed=0)
    epochs = [[stream.at(10 * epoch + i).prompt for i in range(10)] for epoch in range(3)]
    assert all(sorted(epoch) == sorted(map(str, range(10))) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_training_problems_are_of_the_training_split():
    problems, _ = ProblemStream(GENERATED, split="train", levels=(), seed=0).take(50, 0)
    assert {p.address.split for p in problems} == {"train"}
