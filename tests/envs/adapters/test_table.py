"""envs/adapters/reasoning_gym/table.py and build.py: names, levels, options, and what is said where nothing can be
made."""

import importlib.util
import subprocess
import sys

import pytest

from verigym.envs import EnvError, env_ids, make
from verigym.envs.adapters.reasoning_gym import table
from verigym.envs.adapters.reasoning_gym.build import describe
from verigym.envs.adapters.reasoning_gym.rules import EXACT, FAULTY, NOTES, RULES

IDS = table.names()


def test_the_names_are_those_of_the_installed_package() -> None:
    program = (
        "import reasoning_gym.composite\nfrom reasoning_gym.factory import DATASETS\n"
        "print(*sorted(set(DATASETS) - {'composite'}))"
    )
    theirs = subprocess.check_output([sys.executable, "-P", "-c", program], text=True).split()
    assert [name.removeprefix(table.PREFIX) for name in IDS] == theirs
    assert len(IDS) == 105
    assert [name for name in env_ids() if name.startswith(table.PREFIX)] == IDS


def test_every_row_has_a_description_and_most_have_levels() -> None:
    rows = table.rows()
    assert all(row.description and len(row.description) < 80 for row in rows.values())
    assert sum(bool(row.levels) for row in rows.values()) > 100
    for row in rows.values():
        for level in row.levels.values():
            assert level.space >= 200 and 0 <= level.chance <= 1  # a tenth is a test split of twenty
        assert all(level.space < 200 for level in row.small.values())


def test_a_level_that_makes_too_few_problems_is_refused_with_the_number() -> None:
    assert sorted(table.row("puzzle24").small) == [1, 2, 3]
    with pytest.raises(EnvError) as caught:
        make("reasoning-gym/puzzle24", level=2)
    assert str(caught.value) == (
        "reasoning-gym/puzzle24: level 1 can make about 48 problems, level 2 can make about 97 problems, level 3 can "
        "make about 150 problems, too few for a test split. Its levels are 4, 5, 6, 7"
    )
    assert make("reasoning-gym/puzzle24", level=2, max_value="10").level == 2


def test_rules_are_of_generators_that_there_are() -> None:
    for names in (RULES, FAULTY, NOTES):
        assert set(names) <= set(table.rows())
    assert len(set(EXACT)) == len(EXACT)
    assert set(RULES) | set(FAULTY) == set(table.rows())  # each was looked at


def test_listing_imports_neither_the_package_nor_numpy() -> None:
    program = "import sys\nfrom verigym.trainer.cli.index import main\nmain(['envs', 'reasoning-gym/'])\n"
    program += "print('loaded', *({'reasoning_gym', 'numpy', 'sympy'} & set(sys.modules)))"
    said = subprocess.check_output([sys.executable, "-P", "-c", program], text=True).splitlines()
    assert said[-1].split() == ["loaded"]
    assert len(said) == 1 + 105 + 1
    assert max(map(len, said)) < 250


def test_without_the_package_the_command_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "reasoning_gym" else found(name)
    )
    with pytest.raises(EnvError) as caught:
        make("reasoning-gym/gcd")
    assert str(caught.value) == (
        'reasoning-gym/gcd needs the package reasoning-gym, which is not installed; run: pip install "verigym[gyms]"'
    )
    assert not [name for name in env_ids() if name.startswith(table.PREFIX)]


def test_wrong_names_and_options_are_named_with_the_nearest() -> None:
    with pytest.raises(EnvError, match=r"no environment 'reasoning-gym/countdwn'; did you mean 'countdown'\?"):
        make("reasoning-gym/countdwn")
    with pytest.raises(EnvError, match=r"reasoning-gym/gcd has no option 'max_valu'; did you mean 'max_value'\?"):
        make("reasoning-gym/gcd", max_valu=3)
    with pytest.raises(EnvError, match="reasoning-gym/gcd with max_value=-1: AssertionError: max_value must be > min_"):
        make("reasoning-gym/gcd", max_value="-1")
    with pytest.raises(EnvError, match="reasoning-gym/gcd has no level 99; its levels are 1, 2, 3, 4"):
        make("reasoning-gym/gcd", level=99)
    with pytest.raises(EnvError, match="reasoning-gym/gcd: level='two' is not a whole number"):
        make("reasoning-gym/gcd", level="two")
    with pytest.raises(EnvError, match="reasoning-gym/gcd: no style 'tersee'; did you mean 'terse'"):
        make("reasoning-gym/gcd", style="tersee")
    with pytest.raises(EnvError, match="reasoning-gym/gcd: partial='perhaps' is neither true nor false"):
        make("reasoning-gym/gcd", partial="perhaps")


def test_a_fault_that_we_cannot_mend_must_be_accepted() -> None:
    with pytest.raises(EnvError, match="propositional_logic is faulty: copying one of the premises"):
        make("reasoning-gym/propositional_logic")
    assert make("reasoning-gym/propositional_logic", accept_faults="true").description == describe(
        "propositional_logic"
    )
    assert "FAULTY: copying" in describe("propositional_logic")


def test_fields_of_their_configuration_can_be_set() -> None:
    env = make("reasoning-gym/gcd", level=2, min_numbers="3", max_numbers=3, style="terse")
    problem = env.problem(0)
    assert len(problem.answer["metadata"]["numbers"]) == 3
    assert problem.prompt == problem.answer["question"]  # terse: nothing is added
    assert make("reasoning-gym/gcd").problem(0).text.endswith("inside <answer> </answer> tags.")
