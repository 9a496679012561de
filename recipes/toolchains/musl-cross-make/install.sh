# The result of all stages, from the build's folders to the toolchain's.

rm -rf out
. recipe/enter.sh
cd "build/local/$TARGET"
MAKEFLAGS='' make install "$SHARED_FROM_THE_SAME_OBJECTS"
