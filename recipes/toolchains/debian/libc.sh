# musl, all but its shared library: that needs libgcc, which is compiled against what is here.

. recipe/enter.sh
PATH="$WORK/out/bin:$PATH"

. recipe/musl-source.sh
patched_musl src/musl-patched

rm -rf obj/musl
mkdir -p obj/musl
cd obj/musl
# What libc.so needs of libgcc is said: libgcc is not there yet to be found.
../../src/musl-patched/configure --host="$TARGET" --prefix= \
    CC="$TARGET-gcc" CFLAGS="$TARGET_CFLAGS" LIBCC=-lgcc
# One program for each of 220 headers, where musl's own script calls six.
MAKEFLAGS='' make install-headers INSTALL=install DESTDIR="$WORK/out/$TARGET"
# The objects of libc.a are position-independent: libc.so is linked from the same.
# shellcheck disable=SC2016 # make's variable
set -- 'LOBJS=$(LIBC_OBJS)' SHARED_LIBS=
make "$@"
MAKEFLAGS='' make install-libs "$@" DESTDIR="$WORK/out/$TARGET"

. "$WORK/recipe/libc-interface.sh"
write_libc_interface "$TARGET-nm"
