"""trainer/shapes.py: what is written down of real models, against what transformers builds and their authors say."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from verigym.trainer.config import ConfigError
from verigym.trainer.shapes import CONFIGS, Shape, config_of, on_meta, shape_named, shape_of
from verigym.trainer.tiny import SHAPE, TINY_MODELS, build

BILLIONS = {  # as the model cards give them
    "Qwen/Qwen2.5-0.5B": 0.49,
    "Qwen/Qwen2.5-1.5B": 1.54,
    "Qwen/Qwen2.5-3B": 3.09,
    "Qwen/Qwen2.5-7B": 7.61,
    "Qwen/Qwen2.5-14B": 14.7,
    "Qwen/Qwen2.5-32B": 32.5,
    "Qwen/Qwen2.5-72B": 72.7,
    "meta-llama/Llama-3.2-1B": 1.23,
    "meta-llama/Llama-3.2-3B": 3.21,
    "meta-llama/Llama-3.1-8B": 8.03,
    "meta-llama/Llama-3.1-70B": 70.6,
}


@pytest.mark.parametrize("name", CONFIGS)
def test_weights_counted_by_hand_are_those_that_transformers_builds(name: str) -> None:
    config = config_of(name)
    built = on_meta(config)
    assert {weight.device.type for weight in built.parameters()} == {"meta"}
    counted = shape_named(name)
    assert counted.parameters == sum(weight.numel() for weight in built.parameters())
    assert shape_of(config, counted.parameters) == counted


@pytest.mark.parametrize(("name", "billions"), BILLIONS.items())
def test_weights_are_those_that_the_authors_publish(name: str, billions: float) -> None:
    assert shape_named(name).parameters / 1e9 == pytest.approx(billions, rel=0.01)


def test_an_instruct_model_has_the_shape_of_its_base() -> None:
    assert shape_named("Qwen/Qwen2.5-1.5B-Instruct") == shape_named("Qwen/Qwen2.5-1.5B")


def test_what_a_token_passes_through_is_all_but_an_untied_embedding() -> None:
    tied, untied = shape_named("Qwen/Qwen2.5-0.5B"), shape_named("Qwen/Qwen2.5-7B")
    assert tied.body == tied.parameters
    assert untied.body == untied.parameters - 152064 * 3584


def test_a_layers_matrices_by_hand() -> None:
    # q and o: 8 x 8 each; k and v: 8 x 4 each; gate, up and down: 8 x 16 each
    shape = Shape(parameters=0, layers=2, hidden=8, intermediate=16, kv_width=4, vocabulary=50)
    assert shape.layer == 2 * 64 + 2 * 32 + 3 * 128
    assert (shape.queries, shape.embedding) == (8, 400)


@pytest.mark.parametrize("name", TINY_MODELS)
def test_a_tiny_model_on_the_meta_device_is_the_one_that_is_built(name: str) -> None:
    config = config_of(name)
    built, _ = build(name, seed=0)
    assert config.to_dict() == built.config.to_dict()
    parameters = sum(weight.numel() for weight in on_meta(config).parameters())
    assert parameters == sum(weight.numel() for weight in built.parameters())
    shape = shape_of(config, parameters)
    named = ("num_hidden_layers", "hidden_size", "intermediate_size", "hidden_size")  # as many key-value heads as heads
    assert (shape.layers, shape.hidden, shape.intermediate, shape.kv_width) == tuple(SHAPE[key] for key in named)


def test_a_configuration_on_disk_is_read_and_nothing_else_is_needed(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(dict(CONFIGS["Qwen/Qwen2.5-0.5B"])))
    for name in (str(tmp_path), str(tmp_path / "config.json")):
        assert shape_of(config_of(name), 0).hidden == 896


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Qwen/Qwen2.5-7", "the shape of 'Qwen/Qwen2.5-7' is not known here (did you mean Qwen/Qwen2.5-7B?)"),
        ("absent", "the shape of 'absent' is not known here, and the dry run on paper downloads nothing; give a"),
    ],
)
def test_an_unknown_model_is_refused_with_what_to_give(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(name)
    assert str(caught.value).startswith(message)


def test_a_configuration_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "no-such-thing"}')
    with pytest.raises(ConfigError, match="describes no model that transformers knows"):
        config_of(str(path))
    path.write_text('{"model_type": "vit"}')
    with pytest.raises(ConfigError, match="a vit is no causal language model"):
        on_meta(config_of(str(path)))
