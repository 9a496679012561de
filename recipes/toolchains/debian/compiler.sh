# The compiler proper, into compiler/. Nothing of the target's C library is needed here, so a new
# musl does not come back to this stage, and it serves all targets of a family.

PATH="$WORK/compiler/bin:$PATH"
rm -rf obj/gcc
cp -a obj/gcc-configured obj/gcc
cd obj/gcc
make MAKE="$GCC_MAKE" all-gcc
MAKEFLAGS='' make MAKE="$GCC_MAKE" install-strip-gcc DESTDIR="$WORK/compiler"
