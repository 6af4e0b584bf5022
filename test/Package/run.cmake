# The steps of the test `package`; see CMakeLists.txt.
function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code
                  OUTPUT_VARIABLE output ERROR_VARIABLE output)
  message("${output}")
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed with ${code}: ${command}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK}/prefix ${WORK}/build)
step(${CMAKE_COMMAND} --install ${ATTN_BUILD} --prefix ${WORK}/prefix)
step(${CMAKE_COMMAND} -S ${USER_PROJECT} -B ${WORK}/build -G ${GENERATOR}
  -DCMAKE_PREFIX_PATH=${WORK}/prefix -DMLIR_DIR=${MLIR_DIR}
  -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_CXX_COMPILER=${CXX_COMPILER}
  -DCMAKE_CXX_FLAGS=${CXX_FLAGS})
step(${CMAKE_COMMAND} --build ${WORK}/build)
step(${WORK}/build/attn-user)
# The installed tools are complete too.
step(${WORK}/prefix/bin/attn-run --version)
