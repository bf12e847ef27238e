"""Engines that are each wrong in one way: the case that names the fault finds it, and the others do not cry wolf."""

import copy
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from conformance import CASES, Rig

from verigym.trainer.engines.engine import Completion, EngineError
from verigym.trainer.engines.transformers import TransformersEngine

CASE = {case.__name__: case for case in CASES}

BYSTANDERS = (
    "log_probs_agree_at_temperature_1",
    "an_empty_list_is_no_work",
    "on_done_is_told_of_each_reply_once",
    "tokens_are_never_made_anew_from_text",
    "an_end_token_in_the_last_place_is_a_stop",
    "a_cut_reply_goes_on",
    "a_stop_string_is_found_across_a_cut",
    "tied_weights_move_together",
    "sleep_keeps_weights_and_version",
    "the_samples_of_a_group_differ",
)
"""Quick cases, which pass for every mutant that does not name them."""


class Mutant(TransformersEngine):
    """Sound, with places to go wrong in."""

    def _finish(self, row, reason):
        super()._finish(row, reason)
        self._ended[-1] = (row.ticket, self.spoil(row, self._ended[-1][1]))

    def spoil(self, row, completion: Completion) -> Completion:
        return completion


class IgnoresTemperature(Mutant):
    """Draws at temperature 1 and reports log-probs of the temperature that was asked for."""

    def _draw(self, live):
        kinds = live.kinds
        live.kinds = [(replace(s, temperature=float(s.temperature > 0)), places) for s, places in kinds]
        ids, logps = super()._draw(live)
        live.kinds = kinds
        heat = torch.tensor([row.sampling.temperature or 1.0 for row in live.rows])
        if (heat != 1).any():
            logps = (live.logits / heat[:, None]).log_softmax(-1).gather(-1, ids[:, None])[:, 0]
        return ids, logps


class RawLogProbs(Mutant):
    """Draws as asked and reports log-probs of temperature 1."""

    def _draw(self, live):
        ids, _ = super()._draw(live)
        return ids, live.logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0]


class OneSeedForAGroup(Mutant):
    def add(self, requests, sampling):
        return super().add([replace(request, seed=len(request.prompt_ids)) for request in requests], sampling)


class SeedsOfItsOwn(Mutant):
    """Numbers by ticket: other ones when the same is asked again."""

    def add(self, requests, sampling):
        first = self._tickets
        return super().add([replace(r, seed=r.seed + first + i) for i, r in enumerate(requests)], sampling)


class StaleWeights(Mutant):
    """Takes the version and not the weights."""

    def load_weights(self, weights, version):
        super().load_weights({}, version)


class HalfTheWeights(Mutant):
    """Leaves out what it holds under another name."""

    def load_weights(self, weights, version):
        super().load_weights({name: weight for name, weight in weights.items() if "k_proj" not in name}, version)


class ForgetsTheVersion(Mutant):
    def spoil(self, row, completion):
        return replace(completion, version=0)


class TakesAnyName(Mutant):
    def load_weights(self, weights, version):
        own = dict(self.model.named_parameters(remove_duplicate=False))
        super().load_weights({name: weight for name, weight in weights.items() if name in own}, version)


class LoadsWhileBusy(Mutant):
    def load_weights(self, weights, version):
        held, self._under_way = self._under_way, 0
        super().load_weights(weights, version)
        self._under_way = held


class DropsTheEndToken(Mutant):
    def spoil(self, row, completion):
        ends = completion.token_ids and completion.token_ids[-1] in row.sampling.stop_ids
        cut = slice(None, -1) if ends else slice(None)
        return replace(completion, token_ids=completion.token_ids[cut], logps=completion.logps[cut])


class EndsAtItsOwnToken(Mutant):
    """The end token of the tokenizer ends a reply, whether it was asked for or not."""

    def add(self, requests, sampling):
        return super().add(requests, replace(sampling, stop_ids=(*sampling.stop_ids, 2)))


class MakesTokensAnew(Mutant):
    """Goes by way of the text of a prompt that holds a special token."""

    def add(self, requests, sampling):
        def anew(ids):
            text = self.tokenizer.decode(ids, skip_special_tokens=True)
            return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"]) or ids[:1]

        odd = [set(r.prompt_ids) & {0, 1, 2} and not r.start for r in requests]
        made = [replace(r, prompt_ids=anew(r.prompt_ids)) if o else r for r, o in zip(requests, odd, strict=True)]
        return super().add(made, sampling)


class ReturnsATicketTwice(Mutant):
    """Once work was added to other work."""

    mixed = False

    def add(self, requests, sampling):
        self.mixed = bool(self.busy)
        return super().add(requests, sampling)

    def advance(self, wait_s=0.2):
        ended = super().advance(wait_s)
        again = ended[:1] if self.mixed and ended else []
        self.mixed = self.mixed and not again
        return ended + again


class HoldsOn(Mutant):
    """Does not hurry back where it is asked to."""

    def advance(self, wait_s=0.2):
        if wait_s < 0.1:
            time.sleep(wait_s + 1.2 * Rig(lambda _: None).slack_s)  # whatever the speed of the machine
        return super().advance(60.0)


class LosesTheCancelled(Mutant):
    """Cancelled requests come back without their tokens."""

    def spoil(self, row, completion):
        return replace(completion, token_ids=(), logps=()) if completion.finish == "abort" else completion


class BeginsAgain(Mutant):
    """A reply that goes on draws with the numbers of its first tokens."""

    def add(self, requests, sampling):
        return super().add([replace(request, start=0) for request in requests], sampling)


class OneLimitForAll(Mutant):
    def add(self, requests, sampling):
        return super().add([replace(request, max_new_tokens=None) for request in requests], sampling)


FAULTS: dict[type[Mutant], set[str]] = {
    IgnoresTemperature: {"samples_follow_the_policy"},
    RawLogProbs: {"log_probs_agree_at_temperature_0_7"},
    OneSeedForAGroup: {"the_samples_of_a_group_differ", "a_cut_reply_goes_on"},
    SeedsOfItsOwn: {
        "the_same_seed_gives_the_same_tokens",
        "a_cut_reply_goes_on",
        "an_end_token_in_the_last_place_is_a_stop",
        "sleep_keeps_weights_and_version",
    },
    StaleWeights: {"new_weights_are_in_the_very_next_sample", "tied_weights_move_together"},
    HalfTheWeights: {"a_part_of_the_weights_is_taken"},
    ForgetsTheVersion: {"new_weights_are_in_the_very_next_sample"},
    TakesAnyName: {"weights_that_do_not_fit_are_refused"},
    LoadsWhileBusy: {"weights_wait_for_work_to_end"},
    DropsTheEndToken: {"a_reply_ends_with_its_end_token_and_keeps_it", "an_end_token_in_the_last_place_is_a_stop"},
    EndsAtItsOwnToken: {"nothing_else_ends_a_reply", "a_cut_reply_goes_on"},
    MakesTokensAnew: {"tokens_are_never_made_anew_from_text"},
    ReturnsATicketTwice: {"work_is_added_while_other_work_goes_on"},
    HoldsOn: {"advance_comes_back_in_time"},
    LosesTheCancelled: {"cancelled_work_returns_what_it_has"},
    BeginsAgain: {
        "a_cut_reply_goes_on_with_new_numbers",
        "a_cut_reply_goes_on",
        "a_stop_string_is_found_across_a_cut",
    },
    OneLimitForAll: {"every_request_has_its_own_limit", "on_done_is_told_of_each_reply_once", "a_cut_reply_goes_on"},
}
"""The cases that find each fault: all of those named, and no bystander else."""


@pytest.fixture(scope="module")
def policy():
    return Rig(lambda _: None).policy


@pytest.mark.parametrize("mutant", FAULTS, ids=lambda mutant: mutant.__name__)
def test_the_case_that_names_a_fault_finds_it(mutant: type[Mutant], policy):
    def open_engine(policy):
        model = copy.deepcopy(policy.model).requires_grad_(False)
        engine = mutant(model, pad_id=policy.pad_id, batch=16, text=policy.chat.text, own_copy=True)
        engine.tokenizer = policy.tokenizer
        return engine

    def fails(case: Callable[[Rig], None]) -> bool:
        rig = Rig(open_engine, policy=policy)
        try:
            rig.check(case)
        except (AssertionError, EngineError, ValueError, pytest.fail.Exception):
            return True
        finally:
            rig.close()
        return False

    found = {name for name in {*FAULTS[mutant], *BYSTANDERS} if fails(CASE[name])}
    assert found == FAULTS[mutant]
