# Two commands are all it takes: `make run` and `make test`.

# The first that runs: a name on the path can be a version manager's shim with nothing behind it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { command -v "$$p"; break; }; done)
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: run demo deploy-check test test-all test-failed tests-compiled lint locks audit sbom figures soak services clean

run: $(VENV)/ready
	@$(PY) manage.py migrate --verbosity 0
	@exec $(PY) manage.py live

# The market with an order book and a hundred agents, in a store and a database of its own. Quotes of a book are close
# together: only those within three steps of its prices are neighbours, so that the edges left are those of trades.
DEMO := env IG_SOURCE=orderbook IG_SYMBOL=BOOK-USD IG_CAM_PROX_EPS_PCT=0.00003 \
	IG_CAM_STORE_DIR=data/demo/ig_cam DATABASE_URL=sqlite:///data/demo/db.sqlite3

demo: $(VENV)/ready
	@mkdir -p data/demo
	@$(DEMO) $(PY) manage.py migrate --verbosity 0
	@exec $(DEMO) $(PY) manage.py live

# tests/conftest.py says which tests stay together. More workers than cores, since a test waits for its servers often.
WORKERS ?= 4
# Without compiled files each worker, and each process that a test starts, would compile all it loads.
unexport PYTHONDONTWRITEBYTECODE
PYTEST = $(PY) -m pytest --numprocesses $(WORKERS) --no-loadscope-reorder

# Of each part real servers, sockets and pages too, but none of what `test-all` adds; properties with fewer examples.
test: $(VENV)/ready-dev
	$(PYTEST) -m "not long"

# With those that kill, cut, flood and wait for long, and with every detail of the pages. Most of these wait.
test-all: WORKERS := 5
test-all: $(VENV)/ready-dev
	$(PYTEST)

# What the workers would each compile, since they begin at the same time.
tests-compiled: $(VENV)/ready-dev
	@collected=$$($(PY) -m pytest --collect-only --quiet) || { echo "$$collected"; exit 1; }

# Those that failed last, one after the other; refused when they are many, which is no matter of a busy machine.
MOST_FAILED := 10
test-failed: $(VENV)/ready-dev
	@$(PY) -c 'import json, sys; failed = json.load(open(".pytest_cache/v/cache/lastfailed")); print("failed:", *failed, \
		sep="\n  "); sys.exit(not 0 < len(failed) <= $(MOST_FAILED))'
	$(PY) -m pytest --last-failed --last-failed-no-failures none

lint: $(VENV)/ready-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .
	@if node --version >/dev/null 2>&1 && npm --version >/dev/null 2>&1; then node tools/types.mjs; \
		else echo "skipped: the page's types, since node or npm is not here"; fi

# Redis, PostgreSQL, two markets, two web processes, workers and their beat, on this machine; docs/operations.md.
services: $(VENV)/ready
	@exec $(PY) deploy/local.py

# What is wrong with this host and its settings (of the file MARKET_CAMERA_ENV, or else that of the units, where it is
# there), before anything is started on it.
deploy-check: $(VENV)/ready
	@exec deploy/manage.sh deploycheck

# The simulator against the published figures, and what the order book market shows; some minutes.
figures: $(VENV)/ready
	$(PY) -m market.model.figures
	$(PY) -m market.orderbook.figures

# A market is killed a hundred times; then all services run for an hour with clients of every sort, a kill each minute
# and outages of all they need. What holds and what does not is in the report, a page; docs/operations.md.
MINUTES ?= 60
CLIENTS ?= 500
SEED ?= 1
soak: $(VENV)/ready-dev
	$(PY) -m tests.soak --kills 100 --minutes $(MINUTES) --clients $(CLIENTS) --seed $(SEED)

# The lock files, after a change of a requirements file; `python tools/locks.py --upgrade` takes the newest of the rest.
locks:
	@python3 tools/locks.py

# What is known of the versions that are pinned; 1 if one of them is weak.
audit: $(VENV)/ready-dev
	@$(PY) tools/audit.py

# The bill of materials of the image: CycloneDX, in JSON.
SBOM := sbom.json
sbom: $(VENV)/ready-dev
	$(PY) tools/sbom.py $(SBOM)

# With LOCKED=1 nothing is installed whose hash the lock files do not have, as in the image and in CI. Without, the same
# versions from wherever pip is told to look: an index of one's own builds files with other hashes.
LOCKED ?=
$(if $(LOCKED),$(if $(filter Linux,$(shell uname)),,$(error the lock files are for Linux)))
FROM_FILES := -r requirements.txt -e ./client
FROM_LOCK := --require-hashes -r requirements.lock

# Its folder may have a blank in its name; the shell makes a home of no ~ within quotes.
QUOTED_PYTHON = "$(PYTHON:~/%=$(HOME)/%)"

# `venv` makes bin/python first and takes seconds to install pip: one that was interrupted in between is made anew.
$(VENV)/ready: requirements.txt requirements.lock client/pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed and was not found;" \
		"on Debian and Ubuntu: apt install python3-venv; elsewhere: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(QUOTED_PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.11, 3.12 or 3.13 is needed, $(PYTHON) is another; say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PY) -m pip install --help >/dev/null 2>&1 \
		|| $(QUOTED_PYTHON) -m venv $(if $(wildcard $(VENV)/pyvenv.cfg),--clear) $(VENV) \
		|| { echo "could not make $(VENV); on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "installing what requirements.txt names, and the client, into $(VENV) (once)"
	@$(PY) -m pip install --quiet --disable-pip-version-check $(if $(LOCKED),$(FROM_LOCK),$(FROM_FILES))
	@$(if $(LOCKED),$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e ./client)
	@touch $@

$(VENV)/ready-dev: requirements-dev.txt requirements-export.txt requirements-dev.lock $(VENV)/ready
	@echo "installing what requirements-dev.txt names into $(VENV) (once)"
	@$(PY) -m pip install --quiet --disable-pip-version-check \
		$(if $(LOCKED),--require-hashes -r requirements-dev.lock,-r requirements-dev.txt)
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
