# The assembler and linker that the compiler is configured with, into compiler/.

. recipe/build-binutils.sh
. recipe/site.sh
use_answers
build_binutils "$COMPILER_TRIPLE" obj/binutils compiler
# GCC's scripts have the same libtool as these.
gather_answers obj/binutils lt_cv
