# GCC, configured for $COMPILER_TRIPLE and with its libraries built, such as libcpp, as obj/gcc and then out of the way: each run of
# the next stage begins with a copy in that place.

PATH="$WORK/compiler/bin:$PATH"
rm -rf obj/gcc obj/gcc-configured
mkdir -p obj/gcc
. recipe/site.sh
use_answers
. recipe/shared-headers.sh

# There where the stage `allocator` made it.
allocator=$WORK/host/lib/mimalloc.o
[ -f "$allocator" ] || allocator=

cd obj/gcc
# The folder of C++ headers is said: beside the compiler's own headers it is found whatever the
# target's name is.
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
    --disable-gnu-indirect-function --without-isl --without-zstd --disable-dependency-tracking \
    --with-gmp="$WORK/host" --with-mpfr="$WORK/host" --with-mpc="$WORK/host" \
    $COMPILER_OPTIONS \
    CFLAGS="$HOST_CFLAGS" CXXFLAGS="$HOST_CFLAGS" LDFLAGS="$HOST_LDFLAGS $allocator" \
    CFLAGS_FOR_TARGET="$TARGET_CFLAGS" CXXFLAGS_FOR_TARGET="$TARGET_CFLAGS"

# What runs during the build is built for the same machine: its libraries are those of the compiler, not built a second time.
mkdir "build-$BUILD_TRIPLE"
ln -s ../libiberty ../libcpp "build-$BUILD_TRIPLE"
sed -i -E 's/^maybe-(all|configure)-build-(libiberty|libcpp): .*/maybe-\1-build-\2: \1-\2/' Makefile

# GCC's own configure takes long and has one processor: the libraries go beside it.
make MAKE="$GCC_MAKE" configure-gcc all-libiberty all-libcpp all-libdecnumber all-libbacktrace all-libcody all-zlib all-build-fixincludes
# The analyser is disabled: of its fifty files, the two that others refer to.
sed -i '/^ANALYZER_OBJS = /,/[^\\]$/c ANALYZER_OBJS = analyzer/analyzer-pass.o analyzer/analyzer-language.o' gcc/Makefile
(cd gcc && share_headers "$WORK/src/gcc/gcc")
mv "$WORK/obj/gcc" "$WORK/obj/gcc-configured"
