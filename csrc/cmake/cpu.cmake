# The CPU core, a static library without a word of Python in it. The kernels are one object per equation, dimension, order, type and
# instruction set; each instruction set has a namespace of its own (see kernels/algebra.hpp).
set(DUALWAVE_VECTORS ALL CACHE STRING
    "Instruction sets of the kernels: ALL, chosen among when the program starts; NATIVE, the best of this machine alone; or some by name")
set(DUALWAVE_ISAS generic)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND DUALWAVE_ISAS avx2 avx512)
  set(DUALWAVE_FLAGS_avx2 -mavx2 -mfma)
  set(DUALWAVE_FLAGS_avx512 -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma -mprefer-vector-width=512)
endif()
if(DUALWAVE_VECTORS STREQUAL "NATIVE")
  unset(DUALWAVE_NATIVE CACHE) # the folder may have come from another machine
  try_run(DUALWAVE_NATIVE built ${CMAKE_CURRENT_BINARY_DIR}/native ${CMAKE_CURRENT_SOURCE_DIR}/engine/isa.cpp
          CMAKE_FLAGS -DINCLUDE_DIRECTORIES=${CMAKE_CURRENT_SOURCE_DIR} COMPILE_DEFINITIONS -DDUALWAVE_TELL)
  list(GET DUALWAVE_ISAS ${DUALWAVE_NATIVE} DUALWAVE_ISAS)
elseif(NOT DUALWAVE_VECTORS STREQUAL "ALL")
  set(DUALWAVE_ISAS ${DUALWAVE_VECTORS})
endif()
message(STATUS "Kernels for: ${DUALWAVE_ISAS}")

set(ISA_DECLARATIONS "")
set(ISA_NAMES "")
set(ISA_KERNELS "")
set(ISA_PACKING "")
foreach(isa ${DUALWAVE_ISAS})
  string(APPEND ISA_DECLARATIONS
         "namespace dualwave::${isa} {\ntemplate <class Equation, int dim, int order, class T>\nconst Kernels<T>& kernels();\n"
         "template <class T>\nconst PackingKernels<T>& packing_kernels();\n}\n")
  list(APPEND ISA_NAMES "Isa::${isa}")
  string(APPEND ISA_KERNELS "    case Isa::${isa}: return ${isa}::kernels<Equation, dim, order, T>();\n")
  string(APPEND ISA_PACKING "    case Isa::${isa}: return ${isa}::packing_kernels<T>();\n")
endforeach()
list(JOIN ISA_NAMES ", " ISA_NAMES)
configure_file(engine/registry.cpp.in ${CMAKE_CURRENT_BINARY_DIR}/registry.cpp @ONLY)

add_library(dualwave_core STATIC
  engine/call.cpp engine/description.cpp engine/geometry.cpp engine/history.cpp
  engine/history_store.cpp engine/interrupt.cpp engine/isa.cpp engine/packed_state.cpp
  cpu/allowance.cpp cpu/blocks.cpp cpu/buffer.cpp cpu/points.cpp cpu/pool.cpp cpu/problem.cpp cpu/run.cpp cpu/shot.cpp
  cpu/team.cpp cpu/wavefront.cpp
  ${CMAKE_CURRENT_BINARY_DIR}/registry.cpp)
find_package(Threads REQUIRED)
target_link_libraries(dualwave_core PUBLIC Threads::Threads)

function(dualwave_settings target)
  target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  # Contraction is written out (madd), so that bits do not depend on where a loop is cut; no -ffast-math for the same
  # reason. -O3 compiles for half as long again, and vectorises no loop more.
  target_compile_options(${target} PRIVATE -O2 -ftree-vectorize $<$<CXX_COMPILER_ID:GNU>:-fvect-cost-model=dynamic>
                         -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()
dualwave_settings(dualwave_core)

foreach(ISA ${DUALWAVE_ISAS})
  set(sources ${CMAKE_CURRENT_BINARY_DIR}/kernels/${ISA}/packing.cpp)
  configure_file(cpu/packing.cpp.in ${sources} @ONLY)
  foreach(ORDER 2 4 6 8)
    foreach(DTYPE float double)
      set(file ${CMAKE_CURRENT_BINARY_DIR}/kernels/${ISA}/interpreted_order${ORDER}_${DTYPE}.cpp)
      configure_file(cpu/interpreted.cpp.in ${file} @ONLY)
      list(APPEND sources ${file})
    endforeach()
  endforeach()
  foreach(EQUATION ${DUALWAVE_EQUATIONS})
    set(EQUATION_HEADER ${DUALWAVE_HEADER_${EQUATION}})
    foreach(DIM 1 2 3)
      foreach(ORDER 2 4 6 8)
        foreach(DTYPE float double)
          set(file ${CMAKE_CURRENT_BINARY_DIR}/kernels/${ISA}/${EQUATION}_${DIM}d_order${ORDER}_${DTYPE}.cpp)
          configure_file(cpu/instantiate.cpp.in ${file} @ONLY)
          list(APPEND sources ${file})
        endforeach()
      endforeach()
    endforeach()
  endforeach()
  add_library(dualwave_${ISA} OBJECT ${sources})
  dualwave_settings(dualwave_${ISA})
  target_compile_options(dualwave_${ISA} PRIVATE ${DUALWAVE_FLAGS_${ISA}})
  target_sources(dualwave_core PRIVATE $<TARGET_OBJECTS:dualwave_${ISA}>)
endforeach()
