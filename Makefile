# Everything a newcomer needs: each target installs what it lacks into .venv, once, and then works offline.
# PYTHON=... chooses the interpreter for .venv; ARGS="..." is passed on.

PYTHON ?=
ARGS ?=
SEEDS ?= 2000
FIRST ?= 0
SHELL := /bin/sh

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/installed
TOOLS := $(VENV)/tools
WEB := $(VENV)/web
DOCS := $(VENV)/docs

# The user's own Python settings and active environment stay out of ours.
unexport PYTHONPATH PYTHONHOME PYTHONSAFEPATH PYTHONSTARTUP VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX

# Each is a program: python -m benchmarks.<name>.
BENCHMARKS := latency proved under_load.round_trip under_load.throughput under_load.growth trial fold_rate audit research luck tuning stop_to_flat failover restart alerts dashboard scrolling

.DEFAULT_GOAL := help
.PHONY: help run quick test collected referee kills failovers model live-day lint bench simulate fuzz sbom vulnerabilities wheel
.PHONY: docs clean FORCE

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

run: $(STAMP) ## the demo: a market with one bad day (ARGS="--days 3", ARGS=--dashboard for its page)
	@$(VENV)/bin/portfold demo $(ARGS)

# The page needs more than the demo: that is installed for whoever asks for it.
ifneq ($(filter --dashboard,$(ARGS)),)
run: $(WEB)
endif

quick: $(TOOLS) ## a minute of tests: no process, server, backtest or law, few schedules (ARGS="-k stop")
	@$(PY) -m pytest -n 3 --dist worksteal -q -p tests.quick $(ARGS)

# Three on the two processors of the CI: more of them starve the servers that they start of the disk.
test: $(TOOLS) ## all tests (ARGS="-k stop" for some)
	@$(PY) -m pytest -n 3 --dist worksteal $(ARGS)

# Reads all tests once, so that Python keeps what it makes of them; what is wrong with them `make test` tells.
collected: $(TOOLS)
	@$(PY) -m pytest --collect-only -qq >/dev/null 2>&1 || true

lint: $(TOOLS) ## ruff and mypy --strict
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

bench: $(TOOLS) ## every benchmark, one after the other (ARGS=--quick for a look: a minute and a half)
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(PY) -m benchmarks.$$name $(ARGS); echo; done

referee: $(TOOLS) ## research against a second implementation, its kernel against the fold: 10,000 cases (CASES=10000)
	@PORTFOLD_REFEREE_CASES=$(or $(CASES),10000) $(PY) -m pytest -n 3 --timeout 0 tests/research/referee tests/research/kernel $(ARGS)

kills: $(TOOLS) ## kill -9 under load, and around orders at a broker (KILLS=200 ORDERS=100)
	@$(PY) -m tests.kills --kills $(or $(KILLS),200) --orders $(or $(ORDERS),100) $(ARGS)

failovers: $(TOOLS) ## servers fail over under load, by Sentinels and in a cluster (SENTINEL=50 CLUSTER=50)
	@$(PY) -m tests.failovers --sentinel $(or $(SENTINEL),50) --cluster $(or $(CLUSTER),50) $(ARGS)

model: $(TOOLS) ## every state of lease, commit and failover, by spin (apt install spin gcc)
	@$(PY) -m tests.model

live-day: $(TOOLS) ## a day of live trading over fake vendors, with all its trouble (SEED=1)
	@$(PY) -m tests.live_day --seed $(or $(SEED),1) $(ARGS)

simulate: $(TOOLS) ## thousands of schedules from a seed (SEEDS=100000 FIRST=0)
	@$(PY) -m tests.simulation --seeds $(SEEDS) --first $(FIRST) $(ARGS)

fuzz: $(TOOLS) ## any bytes to whatever reads something (SECONDS=300)
	@$(PY) -c 'import atheris' 2>/dev/null || $(PIP_INSTALL) --no-build-isolation --editable '.[fuzz]' || true
	@$(PY) -m tests.fuzz --seconds $(or $(SECONDS),300) $(ARGS)

sbom: $(TOOLS) ## dist/portfold.cdx.json: what is installed, as CycloneDX
	@$(PIP_INSTALL) --no-build-isolation --editable '.[supply]'
	@mkdir -p dist
	@$(PY) -m cyclonedx_py environment --pyproject pyproject.toml --output-file dist/portfold.cdx.json $(VENV)
	@echo "dist/portfold.cdx.json"

vulnerabilities: $(TOOLS) ## known faults of what is pinned; needs the network
	@$(PIP_INSTALL) --no-build-isolation --editable '.[supply]'
	@$(PY) -m pip_audit --requirement constraints.txt --no-deps --disable-pip --progress-spinner off || { \
		echo "Where nothing above names a fault, the database of faults could not be asked: it needs the network." >&2; \
		exit 1; }

wheel: $(TOOLS) ## dist/portfold-*.whl
	@$(PY) -m build --wheel --no-isolation --outdir dist .

# Never with --quiet: a warning that is not printed is not counted, and strict lets it pass.
docs: $(DOCS) ## the site, in site/: a broken link ends it
	@$(PY) -m mkdocs build --strict $(ARGS)

clean: ## remove what make made
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist site portfold-demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- .venv -----------------------------------------------------------------------------------------------------------
# The stamp names the folder it was made in: a copied or moved checkout must not run the code of the old place.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
$(STAMP): FORCE
endif

CANDIDATES := $(or $(PYTHON),python3 python3.13 python3.12 python3.11)

# Sets $python to the first interpreter that can make a virtual environment of Python 3.11 or newer.
define FIND_PYTHON
python=; for each in $(CANDIDATES); do \
	if "$$each" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then python=$$each; break; fi; \
done; \
if [ -z "$$python" ]; then \
	echo "portfold needs Python 3.11 or newer with venv and pip; none of these is: $(CANDIDATES)." >&2; \
	echo "Install one (on Debian: python3 and python3-venv), or name yours: make PYTHON=/path/to/python3" >&2; \
	exit 1; \
fi
endef

PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Two makes in one checkout: the second waits for the first, then sees that nothing is left to do.
ifndef INSTALL_LOCK_HELD
$(TOOLS) $(DOCS) $(WEB): $(STAMP)
$(STAMP) $(TOOLS) $(DOCS) $(WEB): pyproject.toml constraints.txt
	@$(FIND_PYTHON); exec "$$python" -c 'import fcntl, os, sys; \
		lock = os.open("Makefile", os.O_RDONLY); fcntl.flock(lock, fcntl.LOCK_EX); \
		os.set_inheritable(lock, True); os.execvp(sys.argv[1], sys.argv[1:])' \
		"$(MAKE)" --silent INSTALL_LOCK_HELD=1 PYTHON="$$python" $@
else
$(TOOLS): $(STAMP)
	@echo "Installing what tests need, a browser among it, into $(VENV) ..." >&2
	@$(PIP_INSTALL) setuptools
	@$(PIP_INSTALL) --no-build-isolation --editable '.[dev,browser,ml]'
	@touch $@
$(WEB): $(STAMP)
	@echo "Installing what the page in the browser needs into $(VENV) ..." >&2
	@$(PIP_INSTALL) --no-build-isolation --editable '.[web]'
	@touch $@
$(DOCS): $(STAMP)
	@echo "Installing what builds the docs into $(VENV) ..." >&2
	@$(PIP_INSTALL) --no-build-isolation --editable '.[docs]'
	@touch $@
$(STAMP): pyproject.toml constraints.txt
	@echo "Installing portfold into $(VENV) ..." >&2
	@if [ "$$(cat $(STAMP) 2>/dev/null)" != "$(CURDIR)" ] || ! $(PY) -m pip --version >/dev/null 2>&1; then \
		"$(PYTHON)" -m venv --clear $(VENV); \
	fi
	@$(PIP_INSTALL) hatchling
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@printf '%s\n' "$(CURDIR)" >$(STAMP)
endif
