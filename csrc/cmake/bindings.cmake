# The Python extension: nanobind, and XLA's header-only FFI, whose headers come with jaxlib.
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir OUTPUT_STRIP_TRAILING_WHITESPACE OUTPUT_VARIABLE nanobind_ROOT)
find_package(nanobind CONFIG REQUIRED)
execute_process(
  COMMAND ${Python_EXECUTABLE} -c "import pathlib, jaxlib; print(pathlib.Path(jaxlib.__file__).parent / 'include')"
  OUTPUT_STRIP_TRAILING_WHITESPACE OUTPUT_VARIABLE DUALWAVE_XLA_INCLUDE COMMAND_ERROR_IS_FATAL ANY)

nanobind_add_module(_C NB_STATIC NOMINSIZE bindings/module.cpp bindings/ffi.cpp)
target_link_libraries(_C PRIVATE dualwave_core)
target_include_directories(_C SYSTEM PRIVATE ${DUALWAVE_XLA_INCLUDE})
set_target_properties(_C PROPERTIES CXX_VISIBILITY_PRESET hidden)
install(TARGETS _C LIBRARY DESTINATION dualwave)
nanobind_add_stub(_C_stub MODULE _C OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/_C.pyi PYTHON_PATH $<TARGET_FILE_DIR:_C> DEPENDS _C)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/_C.pyi DESTINATION dualwave)
