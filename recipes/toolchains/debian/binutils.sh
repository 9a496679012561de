# The assembler and linker that the compiler is configured with, into compiler/.

. recipe/build-binutils.sh
build_binutils "$COMPILER_TRIPLE" obj/binutils compiler
