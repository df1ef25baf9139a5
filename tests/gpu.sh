#!/usr/bin/env bash
# Builds, tests and benchmarks dualwave with CUDA on any machine that has nvcc and a GPU. Needs no network:
#   tests/gpu.sh [build|gpu|cpu|bench ...]      (all four without arguments)
# gpu: the tests that need the device. cpu: the others, with the machine's versions of PyTorch and JAX. bench: the GPU rows.
# Uses the machine's own Python with its PyTorch and JAX. What that lacks of scikit-build-core, nanobind, pytest and the like is
# taken from a folder of wheels, WHEELS=folder; the package and they go into TARGET, which nothing else sees. Where a wheel of the
# package itself is among them (made by `pip wheel` elsewhere), nothing is compiled.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
TARGET=${TARGET:-build/gpu-site}
STEPS=("$@")
[ ${#STEPS[@]} -gt 0 ] || STEPS=(build gpu cpu bench)
mkdir -p "$TARGET"
TARGET=$(cd "$TARGET" && pwd)
export PYTHONPATH="$TARGET${PYTHONPATH:+:$PYTHONPATH}"
export PATH="$TARGET/bin:$PATH"

build() {
  if [ -n "${WHEELS:-}" ]; then
    "$PYTHON" -m pip install -q --no-index --no-deps --upgrade --target "$TARGET" "$WHEELS"/*.whl
    if compgen -G "$WHEELS/dualwave-*.whl" >/dev/null; then return; fi
  fi
  "$PYTHON" -m pip install -q --no-index --no-deps --no-build-isolation --upgrade --target "$TARGET" . \
    -Cbuild-dir=build/gpu -Ccmake.define.DUALWAVE_CUDA=ON -Ccmake.define.CMAKE_CUDA_ARCHITECTURES="${ARCH:-native}" \
    -Ccmake.define.DUALWAVE_EXTRA_EQUATIONS="$PWD/tests/equations" -Ccmake.define.DUALWAVE_EMULATE_DEVICE=ON \
    -Ccmake.define.DUALWAVE_VECTORS=NATIVE
}

# XLA would take three quarters of the device's memory for itself, and leave PyTorch's tests and other processes the rest.
export XLA_PYTHON_CLIENT_PREALLOCATE=false

gpu() {
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv
  JAX_PLATFORMS=cuda,cpu "$PYTHON" -P -m pytest -q -m gpu tests/test_gpu.py ${JOBS:+-n "$JOBS"}
}

cpu() { JAX_PLATFORMS=cpu "$PYTHON" -P -m pytest -q -m "not gpu and not slow" ${JOBS:+-n "$JOBS"}; }

bench() { "$PYTHON" tests/benchmarks/run.py --cases 'gpu-*' --repeats "${REPEATS:-5}" --output "${PAGE:-docs/performance_gpu.md}"; }

for step in "${STEPS[@]}"; do
  case $step in
    build | gpu | cpu | bench) "$step" ;;
    *) echo "gpu.sh: got '$step'; give build, gpu, cpu or bench" >&2; exit 2 ;;
  esac
done
