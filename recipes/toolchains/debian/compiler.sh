# The compiler proper, with GMP, MPFR and MPC built inside its tree, into compiler/. Nothing of
# the target's C library is needed here, so a new musl does not come back to this stage, and it serves
# all targets of a family.

rm -rf obj/gcc
mkdir -p obj/gcc
PATH="$WORK/compiler/bin:$PATH"

cd obj/gcc
# --build and --host are said, not guessed: a guess names this machine's processor, and GMP
# would choose its assembly by it. The folder of C++ headers is said too: beside the compiler's own
# headers it is found whatever the target's name is.
# shellcheck disable=SC2086 # COMPILER_OPTIONS is a list of options
../../src/gcc/configure \
    --build="$BUILD_TRIPLE" --host="$BUILD_TRIPLE" --target="$COMPILER_TRIPLE" \
    --prefix= --libdir=/lib --with-sysroot="/$COMPILER_TRIPLE" \
    --with-build-sysroot="$WORK/compiler/$COMPILER_TRIPLE" \
    --with-gxx-include-dir="/lib/gcc/$COMPILER_TRIPLE/$GCC_VERSION/include/c++" \
    --enable-languages="$COMPILED_LANGUAGES" --with-pkgversion="$VERSION_MARK" \
    --disable-nls --disable-multilib --disable-bootstrap --disable-werror \
    --disable-shared --disable-plugin --disable-lto --disable-libcc1 --disable-gcov --disable-analyzer \
    --disable-libsanitizer --disable-libssp --disable-libquadmath --disable-libgomp \
    --disable-libitm --disable-libvtv --disable-libstdcxx-pch \
    --enable-tls --enable-initfini-array --enable-libstdcxx-time=rt \
    --disable-gnu-indirect-function --without-isl --without-zstd \
    $COMPILER_OPTIONS \
    CFLAGS="$HOST_CFLAGS" CXXFLAGS="$HOST_CFLAGS" LDFLAGS="$HOST_LDFLAGS" \
    CFLAGS_FOR_TARGET="$TARGET_CFLAGS" CXXFLAGS_FOR_TARGET="$TARGET_CFLAGS"

# Without folders like lib64 for variants that are not built; as a part of MAKE, because GCC's makefiles keep
# variables of the command line from those that they call.
make -j"$JOBS" MAKE='make MAKEINFO=true MULTILIB_OSDIRNAMES=' all-gcc
make MAKE='make MAKEINFO=true MULTILIB_OSDIRNAMES=' install-strip-gcc DESTDIR="$WORK/compiler"
