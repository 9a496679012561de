# Prints config.mak, the settings that musl-cross-make's makefiles read, at the top and in the build
# folder. A version that is not known yet stays empty, and so does what depends on it.

case $HOST_STATIC in
    # Two spellings, because libtool drops the first: musl-cross-make's own advice.
    yes) linkage='CC="gcc -static --static" CXX="g++ -static --static" LDFLAGS=-s' ;;
    *) linkage='LDFLAGS="-s -static-libgcc -static-libstdc++"' ;;
esac

cat << CONFIG
TARGET = $TARGET
# Outside the tree: the makefile then downloads nothing.
SOURCES = $WORK/no-downloads
OUTPUT = $WORK/out
BINUTILS_VER = $BINUTILS_VERSION
GCC_VER = ${GCC_VERSION-}
MUSL_VER = ${MUSL_VERSION-}
GMP_VER = ${GMP_VERSION-}
MPC_VER = ${MPC_VERSION-}
MPFR_VER = ${MPFR_VERSION-}
LINUX_VER =
# Said, not guessed: a guess names this machine's processor.
BUILD = $BUILD_TRIPLE
COMMON_CONFIG += $linkage
COMMON_CONFIG += CFLAGS="$HOST_CFLAGS" CXXFLAGS="$HOST_CFLAGS"
COMMON_CONFIG += --disable-nls --disable-shared --without-zstd
BINUTILS_CONFIG += --disable-gprof --disable-gprofng --disable-gdb --disable-sim --disable-plugins
# The last of several answers counts: litecross says c,c++ before.
GCC_CONFIG += --enable-languages=$COMPILED_LANGUAGES --with-pkgversion="$VERSION_MARK"
GCC_CONFIG += --disable-lto --disable-plugin --disable-libcc1 --disable-gcov --disable-analyzer
GCC_CONFIG += --disable-libitm --disable-libssp --disable-libvtv --disable-libstdcxx-pch
GCC_CONFIG += CFLAGS_FOR_TARGET="$TARGET_CFLAGS" CXXFLAGS_FOR_TARGET="$TARGET_CFLAGS"
GCC_CONFIG_FOR_TARGET += $GCC_TARGET_OPTIONS
MUSL_CONFIG += CFLAGS="$TARGET_CFLAGS"
CONFIG
