# make install   the environment in .venv, nothing else
# make run       … and train the chapter's network on Fashion-MNIST
# make test      … and run every check
# make test-long … and the slow checks as well
# make bench     measures speed, beside other libraries too, and keeps the tables

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: install run test test-long lint browser database bench clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt scripts/make_environment.sh
	@sh scripts/make_environment.sh "$(PYTHON)" $(VENV)
	@touch $@

# The seed is an ordinary good one: see "What to expect" in README.md.
run: $(INSTALLED)
	@$(BIN)/multilayer train fashion-mnist --recipe chapter --seed 3

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

browser:
	@sh scripts/install_browser.sh

database:
	@sh scripts/install_postgresql.sh

test: lint browser database
	$(BIN)/python -m pytest -m "not long" --numprocesses logical --maxprocesses 4

test-long: lint browser database
	$(BIN)/python -m pytest

# The machine must have nothing else to do; under a quarter of an hour, the first time half of that
# more for environments with the other libraries, 6 GB in the user's cache.
bench: $(INSTALLED)
	$(BIN)/python benchmarks/peers.py --write
	$(BIN)/python benchmarks/widths.py --write
	$(BIN)/python benchmarks/populations.py --write
	$(BIN)/python benchmarks/whole_job.py --write

clean:
	rm -rf $(VENV)
