# The chores of a clone; `make` alone lists them. What each needs is installed on the way.
#   RECORDINGS=<dir>   recorded markets for `make run`
#   ARGS="..."         more arguments for the command behind run, stop, test, prove, soak, bench, lock
#   LIVE=1             with install: the exchange's own client, too;  PURGE=1 with uninstall: state and secrets, too
#   PYTHON=python3.12  the interpreter to build virtual environments with (3.11 or newer)

PYTHON ?= python3
RECORDINGS ?=
ARGS ?=
export PYTHON RECORDINGS

.NOTPARALLEL:
.SUFFIXES:
.PHONY: help install upgrade rollback uninstall verify venv install-live run stop test test-system clients prove soak \
  check format lint types imports docs reference bench \
  lock clean developing

# Relative paths, so that a clone may live under a name with spaces.
bin := .venv/bin
official_clients := py-clob-client-v2 polymarket-client py-clob-client

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile

# As root, on a machine that systemd runs; it says what is missing otherwise.
installer = $(PYTHON) -B -m polybot.extras.installer
# PURGE=0 and PURGE=no must not purge.
asked = $(if $(filter 1 yes,$($(1))),$(2))

install: ## install on this machine, or bring it up to date: /opt/polybot, /etc/polybot, systemd units
	@$(installer) install $(call asked,LIVE,--live) $(call asked,FORCE,--force) $(ARGS)

upgrade: ## the same as install: backup, switch, restart of what runs
	@$(installer) upgrade $(call asked,LIVE,--live) $(call asked,FORCE,--force) $(ARGS)

rollback: ## go back to the release before the last upgrade
	@$(installer) rollback $(ARGS)

uninstall: ## remove programs and units; PURGE=1 removes configuration, secrets, state and backups, too
	@$(installer) uninstall $(call asked,PURGE,--purge) $(ARGS)

verify: ## compare this machine's installation with what was installed; ARGS=--json
	@$(installer) verify $(ARGS)

venv: ## build .venv with the locked packages and polybot itself
	@.ci/build-venv .venv requirements.txt

install-live: ## build .venv-live: the exchange's own client, for `polybot wallet`, redeem, split and merge
	@.ci/build-venv --bare .venv-live config/requirements-live.txt

run: venv ## start the whole floor in the foreground; RECORDINGS=<dir> replays recorded markets
	@set -- up; \
	if [ -n "$$RECORDINGS" ]; then \
	  [ -d "$$RECORDINGS" ] || { echo "make run: no such directory: RECORDINGS=$$RECORDINGS" >&2; exit 2; }; \
	  set -- "$$@" --recordings "$$(realpath -- "$$RECORDINGS")"; \
	fi; \
	exec $(bin)/polybot "$$@" $(ARGS)

stop: ## stop every process of the floor
	@[ -x $(bin)/polybot ] || { echo "nothing is installed in this clone, so nothing runs"; exit 0; }; \
	$(bin)/polybot down $(ARGS) || [ $$? -eq 3 ] # 3: nothing was running

developing:
	@.ci/build-venv .venv requirements.txt tests/requirements.txt

test: developing ## run the tests; ARGS="-m 'not floor'" leaves out those that start every process
	@$(MAKE) --no-print-directory clients || [ -z "$$CI" ] && $(bin)/python -m pytest $(ARGS)

test-system: developing ## boot Debians with systemd in containers and use polybot there; as root, under 10 minutes
	@$(bin)/python -m tests.system $(ARGS)

# Their pins conflict with ours and with each other's, so each has an environment of its own.
clients: ## build .venv-clients: the exchange's three official clients, which the tests run unmodified
	@for name in $(official_clients); do \
	  .ci/build-venv --bare ".venv-clients/$$name" "tests/clients/$$name/requirements.txt" || { \
	    echo "polybot: THE OFFICIAL CLIENT $$name IS NOT INSTALLED (see above); its tests are skipped" >&2; \
	    exit 1; }; \
	done

prove: developing ## kill real processes at every step of an order's life, 2,000 times: about half an hour
	@$(bin)/python -m tests.prove $(ARGS)

soak: developing ## a day of market time with every fault of the exchange, half an hour; ARGS="--kills --windows 500"
	@$(bin)/python -m tests.soak $(ARGS)

check: lint types imports docs ## all that is judged without running: ruff, mypy, import contracts, docs

format: developing ## let ruff rewrite the code
	@$(bin)/ruff check --fix . ; $(bin)/ruff format .

lint: developing ## ruff: format and rules
	@echo "ruff: format and rules"
	@$(bin)/ruff format --check . && $(bin)/ruff check .

types: developing ## mypy, strict
	@echo "mypy: types"
	@$(bin)/mypy

imports: developing ## import-linter: the layers
	@echo "import-linter: layers"
	@$(bin)/lint-imports --no-logo

docs: developing ## build docs/_build/html; every warning is an error
	@echo "sphinx: docs/_build/html"
	@$(bin)/python -m sphinx -n -W --keep-going -q docs docs/_build/html

reference: developing ## rewrite the generated part of docs/reference: source map, configuration, messages
	@$(bin)/python -m tests.reference_pages

bench: ## measure polybot beside its peers, in .venv-bench
	@.ci/build-venv .venv-bench requirements.txt tests/bench-requirements.txt
	@.ci/build-venv --bare .venv-clients/polymarket-client tests/clients/polymarket-client/requirements.txt
	@.venv-bench/bin/python -m tests.bench $(ARGS)

# setup.cfg says what running needs, the .in files what developing needs; the locks say exactly which.
compile := $(bin)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

lock: export CUSTOM_COMPILE_COMMAND = make lock
lock: developing ## pin packages and their hashes anew; ARGS=--upgrade takes newer ones
	@echo "resolving packages, a few minutes"
	@$(compile) $(ARGS) --all-build-deps --output-file requirements.txt setup.cfg
	@$(compile) $(ARGS) --output-file config/requirements-live.txt config/requirements-live.in
	@$(compile) $(ARGS) --output-file tests/requirements.txt tests/requirements.in
	@$(compile) $(ARGS) --output-file tests/bench-requirements.txt tests/bench-requirements.in
	@$(compile) $(ARGS) --output-file tests/bench/nautilus-requirements.txt tests/bench/nautilus-requirements.in
	@for name in $(official_clients); do \
	  $(compile) $(ARGS) --output-file "tests/clients/$$name/requirements.txt" \
	    "tests/clients/$$name/requirements.in" || exit; \
	done

clean: ## remove what was built; what a floor recorded stays
	@rm -rf .venv .venv-bench .venv-bench-nautilus .venv-clients .venv-live build dist polybot.egg-info docs/_build .coverage \
	  .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find bin polybot tests docs -type d -name __pycache__ -prune -exec rm -rf {} +
