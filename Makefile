# make run    starts the daemon over an embedded hospital (or CONFIG=PATH for one of your own)
# make test   lint, types, floors and every test that needs no root
# make wheel  a wheel and a source archive in dist/; make test-wheel runs the tests against nothing but that wheel
# make bundle one archive in dist/ that installs without internet (PYTHONS="3.11 3.13" ARCH=aarch64 for another machine)
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
CONFIG ?=
ARGS ?=
PYTHONS ?=
ARCH ?=
BESIDE := build/beside
# What is built of one commit is the same everywhere, to the byte.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --pretty=%ct 2>/dev/null || echo 1580601600)
export SOURCE_DATE_EPOCH

.PHONY: run setup test test-real lint types floors tests causes wheel test-wheel bundle fuzz lock bench clean

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

wheel: $(VENV)/.dev
	@rm -f dist/retabli-*.whl dist/retabli-*[0-9].tar.gz
	$(PY) -m hatchling build -t wheel -t sdist

# The sources are not there: what is imported, and what runs, comes from the wheel.
test-wheel: wheel
	@rm -rf $(BESIDE) && mkdir -p $(BESIDE)
	$(PYTHON) -m venv $(BESIDE)/.venv
	$(BESIDE)/.venv/bin/pip --quiet install --require-hashes -r requirements/dev.lock
	$(BESIDE)/.venv/bin/pip --quiet install --no-index --no-deps dist/retabli-*.whl
	cp -r pyproject.toml *.md LICENSE Dockerfile tests bench deploy docs requirements $(BESIDE)
	cd $(BESIDE) && .venv/bin/python -m pytest -m "not real" -n 3 --dist worksteal $(ARGS)

bundle: wheel
	$(PY) -m deploy.bundle.build $(addprefix --python ,$(PYTHONS)) $(addprefix --arch ,$(ARCH))

# Coverage-guided, a minute for each parser; needs atheris: pip install atheris
fuzz: $(VENV)/.dev
	$(PY) -m tests.fuzz $(ARGS)

bench: $(VENV)/.dev
	$(PY) -m bench.scale

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' pyproject.toml -o requirements/run.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' --extra dev pyproject.toml -o requirements/dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' --group bundle --extra apprise --extra xmpp --constraint requirements/dev.lock pyproject.toml -o requirements/bundle.lock

clean:
	rm -rf $(VENV) build dist .reached .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
