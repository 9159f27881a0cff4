# Every target does its own set-up (deploy/install.sh), which costs nothing when there is nothing to do.
# `exec` leaves no shell between make and Python, so that a SIGTERM to make drains the service.

.SILENT:
.DEFAULT_GOAL := help
.PHONY: help run test chaos check bench sandbox model install dashboards preview lock

PYTHON := .venv/bin/python
COMPILE := $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

help: ## Show this list
	awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: install ## Serve the configured robot, or the local sandbox if none is configured
	exec $(PYTHON) -m actors run

test: ## Run the whole suite
	deploy/install.sh test
	exec $(PYTHON) -m pytest -n auto --dist worksteal

chaos: ## Play every variety of every fault scenario; the suite plays some of each
	deploy/install.sh test
	CHAOS=thorough exec $(PYTHON) -m pytest -n auto --dist worksteal tests/chaos tests/cluster/test_storm.py

check: ## Lint, format, types, import contracts, all that is generated, manifests
	deploy/install.sh test
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check --quiet
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-logo
	$(PYTHON) -m actors.reference --check
	$(PYTHON) -m grafana.source --check
	$(PYTHON) -m deploy.kubernetes.check

bench: ## Run the benchmarks; writes tests/bench/results/latest.json
	deploy/install.sh test
	exec $(PYTHON) -m tests.bench

sandbox: install ## Run only the local stand-in for DingTalk, for bots in any language
	exec $(PYTHON) -m actors sandbox

model: ## Serve a small real model on this machine, for AGENT=openai:gemma
	deploy/install.sh test
	exec $(PYTHON) -m tests.agents.local_model

install: ## Set up .venv with the locked dependencies
	deploy/install.sh run

dashboards: ## Build the dashboards and rules in grafana/ from their source
	deploy/install.sh test
	exec $(PYTHON) -m grafana.source --write

preview: ## Draw the dashboards in grafana/preview from a run with every fault switched on
	deploy/install.sh test
	exec $(PYTHON) -m tests.operations.observed

lock: ## Renew both lock files from pyproject.toml; remove them first to take newer versions
	deploy/install.sh test
	$(PYTHON) -m pip install --quiet --disable-pip-version-check uv
	$(COMPILE) pyproject.toml -o deploy/requirements.txt
	$(COMPILE) pyproject.toml --group test -c deploy/requirements.txt -o tests/requirements.txt
