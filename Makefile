# make install   the environment in .venv, nothing else
# make run       … and train the chapter's network on Fashion-MNIST
# make check     … and look at what tells most: lint, types and the fast tests
# make test      … and run every check
# make test-long … and the slow checks as well
# make docs      makes the site in build/site; make docs-serve shows it on http://127.0.0.1:8080
# make release-check  builds wheel and sdist and tries them in clean environments: five minutes
# make bench     measures speed, beside other libraries too, and keeps the tables

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: install run check test test-long lint browser database axe bench docs docs-serve \
	release-check clean

install: $(INSTALLED)

COMPILED := src/multilayer/engine/compiled

$(INSTALLED): pyproject.toml constraints.txt hatch_build.py scripts/make_environment.sh \
		$(COMPILED)/build.py $(wildcard $(COMPILED)/source/*)
	@sh scripts/make_environment.sh "$(PYTHON)" $(VENV)
	@touch $@

# The seed is an ordinary good one: see docs/benchmarks.md.
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

# Each of two workers has half of the tests and takes from the other once it is through with them, so
# that servers, browsers and data sets are mostly made once.
PARALLEL := --numprocesses logical --maxprocesses 4 --dist worksteal
FAST := tests/container tests/columns tests/encoding tests/reading/test_read_table.py \
	tests/engine/test_backpropagation.py tests/engine/test_layers.py tests/engine/test_losses.py \
	tests/engine/test_optimizers.py tests/engine/test_training.py tests/model tests/metrics \
	tests/fit/test_fit.py tests/estimators/test_arguments.py tests/cli/test_tables.py \
	tests/cli/test_flag_names.py tests/test_import_direction.py tests/test_one_writer.py \
	tests/test_promises.py

check: lint
	$(BIN)/python -m pytest -q -m "not long" --exitfirst $(PARALLEL) $(FAST)

test: lint browser database
	$(BIN)/python -m pytest -m "not long" $(PARALLEL) --durations 15

axe:
	@sh scripts/install_axe.sh $(VENV)

test-long: lint browser database axe
	$(BIN)/python -m pytest --hypothesis-profile anew --durations 15

docs: $(INSTALLED)
	$(BIN)/python -m sphinx --fail-on-warning --quiet --builder html docs build/site
	@echo build/site/index.html

docs-serve: docs
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site 8080

# PYTHONS="python3.12 /path/to/python" names those to try; without it they are looked for.
release-check:
	@$(PYTHON) scripts/release_check.py $(PYTHONS)

# The machine must have nothing else to do; under a quarter of an hour, the first time half of that
# more for environments with the other libraries, 6 GB in the user's cache.
bench: $(INSTALLED)
	$(BIN)/python benchmarks/peers.py --write
	$(BIN)/python benchmarks/widths.py --write
	$(BIN)/python benchmarks/populations.py --write
	$(BIN)/python benchmarks/whole_job.py --write

clean:
	rm -rf $(VENV)
