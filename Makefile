# Tokay. `make run` starts a device at a prompt; `make test` runs everything but bench.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup run test test-fast test-vm test-vm-core check format lock reference bench clean

setup: $(READY)

# The lock is installed first, then Tokay itself without asking for anything more.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Tokay needs Python 3.11 or later; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { test "$$(id -u)" = 0 && apt-get update -q && \
		apt-get install -qy --no-install-recommends python3-venv && $(PYTHON) -m venv --clear $(VENV); } || \
		{ echo "Python's venv module is missing: install the package python3-venv" >&2; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup
	@$(BIN)/tokay run

# Real peers for the interop tests are unpacked into .peers/, and nothing is installed. A test
# whose peer cannot be had says so in the summary; TOKAY_REQUIRE_PEERS=1 makes that a failure.
# A failed test is run once more, alone, with RETRY=1; one that then passes is listed as flaky.
test: setup
	@$(BIN)/python tests/interop/peers.py
	$(BIN)/python tests/run.py $(if $(RETRY),--retry)

# For the loop of work: what needs no peer and no long time.
test-fast: setup
	$(BIN)/python tests/run.py --fast

# Real 802.11, pins and buses, in a virtual machine with a kernel of its own. Needs no privileges.
test-vm: setup
	@$(BIN)/python tests/vm/machine.py
	$(BIN)/pytest tests/vm

# The part of it that CI has time for.
test-vm-core: setup
	@$(BIN)/python tests/vm/machine.py
	$(BIN)/python tests/run.py --vm $(if $(RETRY),--retry)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Writes docs/reference.md anew from the declarations.
reference: setup
	$(BIN)/python docs/generate.py

# Side by side with other programs; prints tables of ratios.
bench: setup
	for bench in $(filter-out bench/veth.py,$(wildcard bench/*.py)); do echo; $(BIN)/python $$bench; done

# Writes requirements.lock anew from pyproject.toml, for every Python from 3.11 on. Needs uv.
lock:
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
		--group dev --custom-compile-command 'make lock' --quiet -o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
