# make run    starts the daemon over an embedded hospital (or CONFIG=PATH for one of your own)
# make test   lint, types, floors and every test that needs no root
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
CONFIG ?=
ARGS ?=

.PHONY: run setup test test-real lint types floors tests causes lock bench clean

run: $(VENV)/.run
ifeq ($(strip $(CONFIG)),)
	$(PY) daemon.py demo $(ARGS)
else
	$(PY) daemon.py run --config $(CONFIG) $(ARGS)
endif

setup: $(VENV)/.dev

# A virtual environment left half made by an interrupted run has no stamp and is made anew.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Retabli needs Python 3.11 or newer; this is %s. Name another: make PYTHON=python3.12 run" % sys.version.split()[0])'
	@echo "making $(VENV) …"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.run: requirements/run.lock | $(VENV)/.made
	@echo "installing the pinned packages of requirements/run.lock …"
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/run.lock
	@touch $@

$(VENV)/.dev: requirements/dev.lock | $(VENV)/.made
	@echo "installing the pinned packages of requirements/dev.lock …"
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@ $(VENV)/.run

test: lint types floors tests

lint: $(VENV)/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(VENV)/.dev
	$(PY) -m mypy

floors: $(VENV)/.dev
	PYTHONPATH=. $(VENV)/bin/lint-imports

tests: $(VENV)/.dev
	@rm -rf .reached
	$(PY) -m pytest -m "not real" -n 3 --dist worksteal $(ARGS)

# Needs root (or sudo): installs the distribution's servers and runs the kinds against them.
test-real: $(VENV)/.dev
	sh tests/real/install.sh
	$(PY) -m pytest -m real $(ARGS)

# After both: which causes they really reached, by kind and test; fails when a cause in the code was reached by none.
causes: $(VENV)/.dev
	$(PY) -m tests.reached

bench: $(VENV)/.dev
	$(PY) -m bench.scale

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' pyproject.toml -o requirements/run.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' --extra dev pyproject.toml -o requirements/dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' --group bundle --extra apprise --extra xmpp --constraint requirements/dev.lock pyproject.toml -o requirements/bundle.lock

clean:
	rm -rf $(VENV) .reached .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
