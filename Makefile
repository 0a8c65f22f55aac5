# Everything runs in .venv, which is made by itself.
PYTHON ?= python3
PYTEST_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export DAGSTER_DISABLE_TELEMETRY := yes

.DEFAULT_GOAL := help
.PHONY: help setup demo browser test test-long test-faults soak bench bench-quick lint format lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(INSTALLED) ## install what is pinned into .venv

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.11, say.")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r uv.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r constraints.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(INSTALLED) ## the whole graph on sample data, then Dagster's UI (DEMO_EXIT=1: without it)
	@$(BIN)/python -W ignore -m coaching_assets.demo

browser: ## the system's Chromium, which the tests of the UI need, where it is missing
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium; } \
		|| { echo "Chromium is not installed, and only root can install it: apt-get install chromium, say." >&2; exit 1; }

test: $(INSTALLED) ## the tests, on real servers that they start themselves
	@$(BIN)/python -W ignore -m pytest --numprocesses 3 --dist worksteal $(PYTEST_ARGS)

test-long: $(INSTALLED) ## the random sequences of edits and syncs that take hours
	@$(BIN)/python -m pytest -m long $(PYTEST_ARGS)

test-faults: $(INSTALLED) ## kills, cut connections, lost state: everything that may break
	@$(BIN)/python -W ignore -m pytest coaching_assets_tests/faults -m 'not soak' $(PYTEST_ARGS)

soak: $(INSTALLED) ## a quarter of an hour of random edits and faults, after which nothing may have grown (SOAK_MINUTES)
	@$(BIN)/python -W ignore -m pytest -m soak coaching_assets_tests/faults/test_soak.py $(PYTEST_ARGS)

bench: $(INSTALLED) ## this project beside other ways to do the same: ratios, docs/bench.json and docs/bench.png
	@$(BIN)/python -W ignore -m coaching_assets_tests.bench --sizes full --into docs

bench-quick: $(INSTALLED) ## the same table with less data, into .bench
	@$(BIN)/python -W ignore -m coaching_assets_tests.bench --sizes quick --into .bench

lint: $(INSTALLED) ## ruff and strict types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: $(INSTALLED) ## put the code into its form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock: $(INSTALLED) ## pin the newest versions anew
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --upgrade --generate-hashes \
		--no-annotate --no-header --quiet --output-file constraints.txt

clean: ## remove the environment and the demo's data
	@rm -rf $(VENV) .demo .bench .mypy_cache .ruff_cache .pytest_cache
