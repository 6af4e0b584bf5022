# How a library of the compiler is built: static, position independent (the
# plugin links it too), exported, and sharing one precompiled header of MLIR.

# The precompiled header is made once, by attn_pch, and reused by the rest.
function(attn_use_pch target)
  if(NOT TARGET attn_pch)
    file(WRITE ${CMAKE_BINARY_DIR}/attn_pch.cpp "")
    add_library(attn_pch STATIC ${CMAKE_BINARY_DIR}/attn_pch.cpp)
    target_precompile_headers(attn_pch PRIVATE
      ${PROJECT_SOURCE_DIR}/lib/cmake/MLIRHeaders.h)
    attn_match_llvm_abi(attn_pch)
  endif()
  target_precompile_headers(${target} REUSE_FROM attn_pch)
endfunction()

# RTTI and exceptions as LLVM was built.
function(attn_match_llvm_abi target)
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${target} PRIVATE -fno-rtti)
  endif()
  if(NOT LLVM_ENABLE_EH)
    target_compile_options(${target} PRIVATE -fno-exceptions)
  endif()
endfunction()

# attn_add_library(<name> SOURCES ... [LINK ...] [DEPENDS ...])
function(attn_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  add_library(Attn::${name} ALIAS ${name})
  attn_match_llvm_abi(${name})
  attn_use_pch(${name})
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  # The shared libraries only: a static MLIRxyz would bring a second MLIR.
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  add_dependencies(${name} attn-headers ${ARG_DEPENDS})
  install(TARGETS ${name} EXPORT AttnTargets
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()
