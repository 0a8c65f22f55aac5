# Every target that needs .venv creates it first.
PYTHON ?= python3
PYTEST_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTEST := $(BIN)/python -W ignore -m pytest
AT_ONCE := --numprocesses 3 --dist worksteal
# Tests of one version follow one another, so that a worker rarely starts another server.
EVERY_VERSION := --numprocesses 3 --dist load --postgres=all -m 'postgres or every_version'
# The rest is collected without the folders that have no unit tests, whose imports take seconds.
UNIT := -m unit --numprocesses 2 $(addprefix --ignore=coaching_assets_tests/,browser demo faults oracle stateful)

export DAGSTER_DISABLE_TELEMETRY := yes

.DEFAULT_GOAL := help
.PHONY: help setup demo browser servers test-unit test test-all test-live test-postgres test-long test-faults soak bench bench-quick lint format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(INSTALLED) ## install the pinned dependencies into .venv

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is required. Set PYTHON, for example: make setup PYTHON=python3.11")'
	@echo "Installing into $(VENV) (once, about a minute) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r uv.txt
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r constraints.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(INSTALLED) ## sync sample data, then serve Dagster's UI (DEMO_EXIT=1: exit after the sync)
	@$(BIN)/python -W ignore -m coaching_assets.demo

browser: ## install Chromium for the UI tests, unless it is installed
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium; } \
		|| { echo "Chromium is not installed. Run as root: apt-get install chromium" >&2; exit 1; }

servers: ## install Postgres 15, pgbouncer and a Turkish locale for the tests, unless they are installed
	@{ [ -x /usr/lib/postgresql/15/bin/initdb ] && PATH=$$PATH:/usr/sbin command -v pgbouncer && locale -a | grep -qi '^tr_TR.utf'; } >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq \
			&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-15 pgbouncer locales >/dev/null \
			&& localedef -i tr_TR -f UTF-8 tr_TR.UTF-8; } \
		|| { echo "Servers are missing. Run as root on Debian 12: make servers" >&2; exit 1; }

test-unit: $(INSTALLED) ## run the tests that need no server but one Postgres, in seconds
	@$(PYTEST) $(UNIT) $(PYTEST_ARGS)

test: $(INSTALLED) ## run the tests, on servers that they start themselves
	@$(PYTEST) $(AT_ONCE) $(PYTEST_ARGS)

test-all: test ## run "make test", then the slow tests: browser, daemon, faults
	@$(PYTEST) $(AT_ONCE) -m 'slow and not long' $(PYTEST_ARGS)

test-live: $(INSTALLED) ## run the suite against your own BigQuery: set BIGQUERY_PROJECT and credentials
	@$(BIN)/python -W ignore -m coaching_assets_tests.live $(PYTEST_ARGS)

test-postgres: $(INSTALLED) ## run the Postgres conformance suite, on every installed version of Postgres
	@$(PYTEST) $(EVERY_VERSION) $(PYTEST_ARGS)

test-long: $(INSTALLED) ## run random sequences, random kills and the soak, for hours
	@$(PYTEST) -m 'long or soak' $(PYTEST_ARGS)

test-faults: $(INSTALLED) ## run the fault tests: kills, cut connections, lost state
	@$(PYTEST) $(AT_ONCE) coaching_assets_tests/faults -m 'not soak' $(PYTEST_ARGS)

soak: $(INSTALLED) ## run random edits and faults for SOAK_MINUTES (15), and check for leaks
	@$(PYTEST) -m soak coaching_assets_tests/faults/test_soak.py $(PYTEST_ARGS)

bench: $(INSTALLED) ## compare with other tools, and write docs/bench.json and docs/bench.png
	@$(BIN)/python -W ignore -m coaching_assets_tests.bench --sizes full --into docs

bench-quick: $(INSTALLED) ## run the benchmark on less data, and write to .bench
	@$(BIN)/python -W ignore -m coaching_assets_tests.bench --sizes quick --into .bench

lint: $(INSTALLED) ## check style, prose, types, the direction of imports, and the definitions
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/codespell coaching_assets coaching_assets_tests docs *.md Makefile pyproject.toml
	@$(BIN)/pymarkdown scan --recurse docs *.md
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo > .lint-imports.log || { cat .lint-imports.log; exit 1; }
	@home=$$(mktemp -d) && touch $$home/dagster.yaml && trap 'rm -rf '$$home EXIT \
		&& export DAGSTER_HOME=$$home VIRTUAL_ENV=$(CURDIR)/$(VENV) && $(BIN)/dg check defs && $(BIN)/dg list defs > /dev/null

format: $(INSTALLED) ## format the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock: $(INSTALLED) ## pin the newest versions of all dependencies
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --upgrade --generate-hashes \
		--no-annotate --no-header --quiet --output-file constraints.txt

clean: ## remove .venv, caches and the demo's data
	@rm -rf $(VENV) .demo .bench .mypy_cache .ruff_cache .pytest_cache
