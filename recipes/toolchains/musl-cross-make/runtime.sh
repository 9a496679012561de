# The rest of GCC: the target's libraries.

. recipe/enter.sh
cd "build/local/$TARGET"
make obj_gcc/.lc_built
