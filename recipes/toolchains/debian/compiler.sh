# The compiler proper, with GMP, MPFR and MPC built inside its tree. Nothing of the target's
# C library is needed here, so a new musl does not come back to this stage.

rm -rf obj/gcc
mkdir -p obj/gcc
PATH="$WORK/out/bin:$PATH"

cd obj/gcc
# --build and --host are said, not guessed: a guess names this machine's processor, and GMP
# would choose its assembly by it.
# shellcheck disable=SC2086 # GCC_TARGET_OPTIONS is a list of options
../../src/gcc/configure \
    --build="$BUILD_TRIPLE" --host="$BUILD_TRIPLE" --target="$TARGET" \
    --prefix= --libdir=/lib --with-sysroot="/$TARGET" --with-build-sysroot="$WORK/out/$TARGET" \
    --enable-languages="$COMPILED_LANGUAGES" --with-pkgversion="$VERSION_MARK" \
    --disable-nls --disable-multilib --disable-bootstrap --disable-werror \
    --disable-shared --disable-plugin --disable-lto --disable-libcc1 --disable-gcov --disable-analyzer \
    --disable-libsanitizer --disable-libssp --disable-libquadmath --disable-libgomp \
    --disable-libitm --disable-libvtv --disable-libstdcxx-pch \
    --enable-tls --enable-initfini-array --enable-libstdcxx-time=rt \
    --disable-gnu-indirect-function --without-isl --without-zstd \
    $GCC_TARGET_OPTIONS \
    CFLAGS="$HOST_CFLAGS" CXXFLAGS="$HOST_CFLAGS" LDFLAGS="$HOST_LDFLAGS" \
    CFLAGS_FOR_TARGET="$TARGET_CFLAGS" CXXFLAGS_FOR_TARGET="$TARGET_CFLAGS"

make -j"$JOBS" all-gcc MAKEINFO=true
make install-strip-gcc MAKEINFO=true DESTDIR="$WORK/out"
