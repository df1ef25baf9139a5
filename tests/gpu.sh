#!/usr/bin/env bash
# Builds, tests and benchmarks dualwave with CUDA on any machine that has nvcc and a GPU. Needs no network:
#   tests/gpu.sh [build|test|bench ...]      (all three without arguments)
# Uses the machine's own Python with its PyTorch and JAX. What that lacks of scikit-build-core, nanobind, pytest and the like is
# taken from a folder of wheels, WHEELS=folder; the package and they go into TARGET, which nothing else sees.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
TARGET=${TARGET:-build/gpu-site}
STEPS=("$@")
[ ${#STEPS[@]} -gt 0 ] || STEPS=(build test bench)
mkdir -p "$TARGET"
export PYTHONPATH="$PWD/$TARGET${PYTHONPATH:+:$PYTHONPATH}"
export PATH="$PWD/$TARGET/bin:$PATH"

build() {
  if [ -n "${WHEELS:-}" ]; then
    "$PYTHON" -m pip install -q --no-index --no-deps --upgrade --target "$TARGET" "$WHEELS"/*.whl
  fi
  "$PYTHON" -m pip install -q --no-index --no-deps --no-build-isolation --upgrade --target "$TARGET" . \
    -Cbuild-dir=build/gpu -Ccmake.define.DUALWAVE_CUDA=ON -Ccmake.define.CMAKE_CUDA_ARCHITECTURES="${ARCH:-native}" \
    -Ccmake.define.DUALWAVE_EXTRA_EQUATIONS="$PWD/tests/equations" -Ccmake.define.DUALWAVE_EMULATE_DEVICE=ON
}

run_tests() {
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv
  JAX_PLATFORMS=cuda,cpu "$PYTHON" -P -m pytest -q -m gpu
  "$PYTHON" -P -m pytest -q -m "not gpu and not slow"
}

bench() { "$PYTHON" tests/benchmarks/run.py; }

for step in "${STEPS[@]}"; do
  case $step in
    build) build ;;
    test) run_tests ;;
    bench) bench ;;
    *) echo "gpu.sh: got '$step'; give build, test or bench" >&2; exit 2 ;;
  esac
done
