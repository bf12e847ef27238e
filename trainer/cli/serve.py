"""`verigym serve MODEL`: an engine that samples for a trainer elsewhere, over HTTP.

main(["tiny-llama", "--engine", "transformers", "--port", "0"])
"""

import argparse
import signal
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from verigym.trainer.cli.tokens import find_token
from verigym.trainer.config import ConfigError

if TYPE_CHECKING:
    from verigym.trainer.engines.host import Host
    from verigym.trainer.policy import Policy

TOKEN = "VERIGYM_ENGINE_TOKEN"
PORT = 8100
ENGINES = ("vllm", "transformers")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see `verigym serve --help`")


def main(argv: Sequence[str]) -> int:
    """Serves until SIGINT or SIGTERM, then ends what is under way. Raises ConfigError, ServeError, EngineError."""
    given = _parser().parse_args(argv)
    if not 0 <= given.port < 1 << 16:
        raise ConfigError(f"--port {given.port} is none; give 1 to 65535, or 0 for a free one")
    from verigym.sandbox.server import check_address

    token, is_given = find_token(given.token_file, TOKEN)
    check_address(given.host, token_given=is_given, token=token, harm="use this engine", variable=TOKEN)
    from verigym.trainer.engines.door import open_door
    from verigym.trainer.engines.engine import EngineError

    policy = _load(given)
    host = _open(given, policy)
    vocabulary = int(policy.model.get_input_embeddings().weight.shape[0])
    try:
        listener = open_door(
            host, token=token, vocabulary=vocabulary, context=policy.context, address=given.host, port=given.port
        )
    except BaseException:
        host.engine.close()
        raise
    if given.engine != "transformers":
        policy = replace(policy, model=None)  # the engine has its own copy
    _end_on_signals(host)
    threading.Thread(target=listener.serve_forever, args=(0.1,), daemon=True).start()
    print(f"{given.model} sampled by {given.engine} at {listener.url}", flush=True)
    if not is_given:
        print(f"token, until this ends: {token}", flush=True)
    where = f" token_file={given.token_file}" if given.token_file else ""
    shown = "" if is_given else f"{TOKEN}={token} "
    print(f"use it: {shown}verigym train ... --engine vllm-server --engine-args url={listener.url}{where}", flush=True)
    host.serve()
    listener.server_close()
    listener.hang_up()
    if host.error is not None:
        raise EngineError(f"the engine cannot go on: {type(host.error).__name__}: {host.error}") from host.error
    print("stopped", flush=True)
    return 0


def _load(given: argparse.Namespace) -> "Policy":
    """The model, on the device that its engine needs it on: vLLM takes its own copy from the CPU."""
    import torch

    from verigym.trainer.policy import load_policy, pick_device

    if given.threads:
        torch.set_num_threads(given.threads)
    device = pick_device(given.device)
    first = "cpu" if given.engine == "vllm" else device
    policy = load_policy(given.model, dtype=given.dtype, device=first, seed=given.seed)
    return replace(policy, device=device)


def _open(given: argparse.Namespace, policy: "Policy") -> "Host":
    """The engine on the model's weights, and its host."""
    from verigym.trainer.config import Rollout
    from verigym.trainer.engines.fingerprint import Fingerprint
    from verigym.trainer.engines.host import Host
    from verigym.trainer.engines.open import open_engine
    from verigym.trainer.engines.parcel import checksum
    from verigym.trainer.engines.vllm import base_weights

    base = None
    if given.lora:
        from verigym.trainer.adapters import attach
        from verigym.trainer.lora import Lora

        lora = Lora.of(given.lora)
        assert lora is not None
        attach(policy.model, lora, seed=given.seed)
        base = {name: checksum(weight) for name, weight in base_weights(policy.model, twice=False).items()}
    rollout = Rollout(engine=given.engine, engine_args=tuple(given.engine_args))
    return Host(open_engine(rollout, policy), Fingerprint.of(policy.model), base=base)


def _end_on_signals(host: Any) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        host.end()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="verigym serve",
        description="Sample for a trainer elsewhere. MODEL is what the run starts from: a Hub id, a directory, a run, "
        "or a built-in tiny model; its weights are replaced by the trainer's, again after each step. The trainer runs "
        "`verigym train ... --engine vllm-server --engine-args url=http://HOST:PORT`, with url= once for each server.",
        epilog="The connection is not encrypted: on a network that is not yours put it behind ssh or a TLS proxy. "
        "SIGTERM and Ctrl-C end what is under way (10 s at most); the trainer's other servers go on.",
    )
    parser.add_argument("model", metavar="MODEL", help="what the run starts from")
    parser.add_argument("--engine", choices=ENGINES, default="vllm", help="what samples here (vllm)")
    parser.add_argument(
        "--engine-args", nargs="+", default=[], metavar="WORD", help="words for it, as in memory=0.9 batch=256"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; others than loopback need a token")
    parser.add_argument("--port", type=int, default=PORT, help=f"port to listen at ({PORT}); 0 for a free one")
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"holds the token; without it {TOKEN}, else one is made and shown",
    )
    parser.add_argument(
        "--dtype", choices=["float32", "bfloat16"], default="float32", help="of the weights: as the trainer's (float32)"
    )
    parser.add_argument("--device", default="auto", help="auto (GPU when there is one), cpu, cuda, cuda:1")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads for torch; torch's own choice")
    parser.add_argument("--seed", type=int, default=0, help="of a tiny model's weights, as the trainer's")
    parser.add_argument(
        "--lora", nargs="+", default=[], metavar="WORD", help="the run's --lora: room for its adapter on fixed weights"
    )
    return parser
