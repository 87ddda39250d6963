# make install   the environment in .venv, nothing else
# make run       … and train the chapter's network on Fashion-MNIST
# make test      … and run every check
# make test-long … and the slow checks as well
# make benchmark prints how fast an epoch is, beside plain PyTorch

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: install run test test-long lint benchmark clean

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

test: lint
	$(BIN)/python -m pytest -m "not long"

test-long: lint
	$(BIN)/python -m pytest

benchmark: $(INSTALLED)
	env -u OPENBLAS_CORETYPE $(BIN)/python benchmarks/chapter.py

clean:
	rm -rf $(VENV)
