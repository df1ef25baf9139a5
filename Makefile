# Needs Python 3.11 or newer, a C++17 compiler and make. Everything else goes into $(VENV).
VENV ?= .venv
# The first interpreter that is new enough; PYTHON=... overrides.
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
            $$p -c "$(NEW_ENOUGH)" >/dev/null 2>&1 && { command -v $$p; break; }; done)
BIN := $(CURDIR)/$(VENV)/bin
PIP := $(BIN)/python -m pip
# The build uses the tools of the environment, not the machine's.
export PATH := $(BIN):$(PATH)

# The throw-away equation that the tests add to the package, and CMake's switches. Every build uses one folder, so the
# tests compile that equation and nothing else again.
EXTRA_EQUATIONS ?= $(CURDIR)/tests/equations
CMAKE_DEFINES ?=
# Kernels for this machine's instruction set alone: three times as fast to compile. ALL is what `pip install` builds.
VECTORS ?= NATIVE
# Where nvcc is, but no GPU, CUDA's kernels are compiled only to see that they do: one order of four.
CUDA_ORDERS ?= $(if $(shell nvidia-smi -L 2>/dev/null),ALL,4)
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
PYTEST_FLAGS ?= -q -n $(JOBS)
# Tests marked slow repeat, over the whole of a table, what a cover of it tests otherwise: make test-all.
TESTS ?= not slow
DEMO_FLAGS ?=
OUT ?= out
# Some of those that `make bench` compares with have environments of their own, $(PEERS)-devito for instance.
PEERS ?= .venv

SOURCES := pyproject.toml $(shell find core torch_api jax_api csrc -type f -not -name '*.pyc' 2>/dev/null)
EQUATION_SOURCES := $(shell find $(EXTRA_EQUATIONS) -name '*.hpp' 2>/dev/null)
DEFINES = DUALWAVE_VECTORS=$(VECTORS) DUALWAVE_CUDA_ORDERS=$(CUDA_ORDERS) $(CMAKE_DEFINES)
install = $(PIP) install --quiet --no-build-isolation . \
          $(foreach d,$(DEFINES) $(1),-Ccmake.define.$(d)) -Cbuild-dir=build/make

.PHONY: help demo test test-all bench lint format stats clean
.DELETE_ON_ERROR:

help:
	@echo "make demo | test | test-all | bench | lint | format | stats | clean"

demo: $(VENV)/.package
	$(BIN)/python docs/examples/marmousi_fwi/main.py --out $(OUT) $(DEMO_FLAGS)

# Freed memory becomes NaN (glibc), so that a read outside of what was allocated fails each time and not now and then.
test: $(VENV)/.package-test
	MALLOC_PERTURB_=255 OMP_NUM_THREADS=$${OMP_NUM_THREADS:-2} $(BIN)/python -P -m pytest $(PYTEST_FLAGS) -m "$(TESTS)"

# The table of transforms takes hours: rows that passed are logged, by commit, and a run that was cut off goes on after them.
test-all: lint demo
	DUALWAVE_TRANSFORMS_LOG=$(OUT)/transforms-$$(git rev-parse --short HEAD || echo tree).jsonl \
	  DUALWAVE_WRITE_TRANSFORMS=whole $(MAKE) test TESTS="slow or not slow"

bench: $(VENV)/.package-test $(PEERS)-devito/.installed $(PEERS)-jax-peers/.installed
	$(BIN)/python tests/benchmarks/run.py --devito $(PEERS)-devito/bin/python \
	  --jax-peers $(PEERS)-jax-peers/bin/python $(BENCH_FLAGS)

lint: $(VENV)/.package-test
	$(BIN)/pre-commit run --all-files

format: $(VENV)/.dev
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .
	git ls-files 'csrc/*' 'tests/*' | grep -E '\.(hpp|cpp|cuh|cu)$$' | xargs $(BIN)/clang-format -i

# Lines of each part, those of each equation's two files, and the longest files.
stats:
	@for d in core torch_api jax_api csrc tests docs; do \
	  printf '%-10s %7d lines %4d files\n' $$d \
	    $$(git ls-files $$d | grep -E '\.(py|pyi|hpp|cpp|cuh|cu)$$' | xargs cat /dev/null | wc -l) \
	    $$(git ls-files $$d | grep -cE '\.(py|pyi|hpp|cpp|cuh|cu)$$'); done
	@echo "equation      Python   C++"
	@for f in $$(git ls-files 'csrc/equations/*.hpp'); do name=$$(basename $$f .hpp); \
	  printf '%-10s %9d %5d\n' $$name $$(wc -l < core/equations/$$name.py) $$(wc -l < $$f); done
	@git ls-files | grep -E '\.(py|hpp|cpp|cuh|cu)$$' | xargs wc -l | sort -rn | sed -n '2,11p'

clean:
	rm -rf $(VENV) $(PEERS)-devito $(PEERS)-jax-peers build dist $(OUT) .mypy_cache .pytest_cache .ruff_cache

# Stamps: a file of its own for each step of the set-up, so that the next command starts where this one ended.
$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer, with its venv module, is needed: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# PyTorch goes first and by itself, so that a build of it which the machine's pip settings prefer (CPU only, say) is
# there before anything else asks for it.
$(VENV)/.demo: $(VENV)/.python requirements-demo.txt
	$(PIP) install --quiet $$(grep '^torch==' requirements-demo.txt)
	$(PIP) install --quiet -r requirements-demo.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements-dev.txt
	$(PIP) install --quiet -r requirements-dev.txt
	@touch $@

$(VENV)/.package: $(VENV)/.demo $(SOURCES)
	@rm -f $(VENV)/.package-test
	$(call install,DUALWAVE_EXTRA_EQUATIONS=OFF DUALWAVE_EMULATE_DEVICE=OFF)
	@touch $@

# What the tests install serves the demo too.
$(VENV)/.package-test: $(VENV)/.dev $(SOURCES) $(EQUATION_SOURCES)
	$(call install,DUALWAVE_EXTRA_EQUATIONS=$(EXTRA_EQUATIONS) DUALWAVE_EMULATE_DEVICE=ON)
	@touch $@ $(VENV)/.package

# No stamp where it fails: the benchmark says so, and the next one tries again.
$(PEERS)-%/.installed: tests/benchmarks/requirements-%.txt | $(VENV)/.python
	@{ $(BIN)/python -m venv $(@D) && $(@D)/bin/python -m pip install --quiet -r $< && touch $@; } || \
	  echo "$* could not be installed: those rows are left out"
