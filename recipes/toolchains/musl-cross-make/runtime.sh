# The rest of GCC: the target's libraries.

. recipe/enter.sh
cd "build/local/$TARGET"
make -j"$JOBS" obj_gcc/.lc_built
