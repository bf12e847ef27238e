"""Samples of an evaluation on disk: written as they come, and gone on with after a kill.

`DIR/samples.jsonl` holds one line a sample, all samples of a problem together; `DIR/settings.json` what they were
sampled with. The same settings go on with the file, other settings are refused: two kinds of samples in one file
would be a number of nothing.

    store = SampleStore.open(Path("runs/eval"), {"model": "tiny-llama", "n": 4})
    done = store.finished(n=4)          # problems that need not be sampled again
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from verigym.trainer.config import ConfigError
from verigym.trainer.evaluation.scores import Sample


@dataclass(frozen=True)
class SampleStore:
    """The directory of one evaluation."""

    root: Path

    @property
    def samples(self) -> Path:
        """One line a sample."""
        return self.root / "samples.jsonl"

    @property
    def settings(self) -> Path:
        """What decides the samples."""
        return self.root / "settings.json"

    @property
    def summary(self) -> Path:
        """The numbers, once all is sampled."""
        return self.root / "summary.json"

    @classmethod
    def open(cls, root: Path, settings: Mapping[str, Any]) -> "SampleStore":
        """The store of these settings in `root`, made where there is none. Raises ConfigError when `root` holds an
        evaluation of other settings, holds something else, or cannot be written."""
        store = cls(root)
        wanted = json.loads(json.dumps(settings))
        try:
            root.mkdir(parents=True, exist_ok=True)
            if not store.settings.exists():
                if any(root.iterdir()):
                    raise ConfigError(f"{root} is not empty and holds no evaluation; choose another --out")
                _write_whole(store.settings, json.dumps(wanted, indent=2) + "\n")
            present = json.loads(store.settings.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"cannot write the evaluation to {root}: {error.strerror or error}; choose another --out"
            ) from error
        except ValueError as error:
            raise ConfigError(
                f"{store.settings} cannot be read ({error}); remove {root}, or choose another --out"
            ) from error
        odd = [name for name in {**wanted, **present} if wanted.get(name) != present.get(name)]
        if odd:
            told = "; ".join(f"{name} was {present.get(name)!r} and is now {wanted.get(name)!r}" for name in odd)
            raise ConfigError(
                f"{root} holds samples of other settings: {told}. Give the old ones to go on, or choose another --out"
            )
        return store

    def finished(self, n: int) -> dict[str, list[Sample]]:
        """The samples of every problem that has all `n`, by its address. What a kill left is cut off: a torn last
        line and the samples of a problem that is not complete. Raises ConfigError for a line in the middle that is
        not a sample."""
        found: dict[str, list[Sample]] = {}
        for sample in self._read():
            found.setdefault(sample.problem, []).append(sample)
        whole = {
            problem: samples
            for problem, samples in found.items()
            if sorted(s.sample for s in samples) == list(range(n))
        }
        if self.samples.exists():
            _write_whole(self.samples, "".join(line_of(sample) for samples in whole.values() for sample in samples))
        return whole

    def append(self, samples: Sequence[Sample]) -> None:
        """Add whole lines in one write."""
        with self.samples.open("ab") as file:
            file.write("".join(map(line_of, samples)).encode())

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """The numbers of the finished evaluation."""
        _write_whole(self.summary, json.dumps(summary, indent=2) + "\n")

    def _read(self) -> list[Sample]:
        if not self.samples.exists():
            return []
        *whole, _torn = self.samples.read_bytes().split(b"\n")
        return [self._sample(line, number) for number, line in enumerate(whole, 1)]

    def _sample(self, line: bytes, number: int) -> Sample:
        try:
            record = json.loads(line)
            return Sample(**{**record, "earlier": tuple(record["earlier"])})
        except (ValueError, TypeError, KeyError) as error:
            names = ", ".join(field.name for field in fields(Sample))
            raise ConfigError(
                f"{self.samples}, line {number} is not a sample with the fields {names} ({error}); remove the file, or "
                "choose another --out"
            ) from error


def line_of(sample: Sample) -> str:
    """A sample as a line of samples.jsonl: ASCII, so that no character of a reply can break a line or fail to
    encode."""
    return json.dumps(asdict(sample)) + "\n"


def _write_whole(path: Path, text: str) -> None:
    """Writes a file so that it is there whole or as it was before."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
