# musl and libgcc. Each needs a part of the other: musl's headers come first, then libgcc,
# which musl's own link line names, then musl itself.

. recipe/enter.sh
PATH="$WORK/out/bin:$PATH"

. recipe/musl-source.sh
patched_musl src/musl-patched

rm -rf obj/musl "obj/gcc/$TARGET"
mkdir -p obj/musl
(
    cd obj/musl
    # What libc.so needs of libgcc is said: libgcc is not there yet to be found.
    ../../src/musl-patched/configure --host="$TARGET" --prefix= \
        CC="$TARGET-gcc" CFLAGS="$TARGET_CFLAGS" LIBCC=-lgcc
    # One program for each of 220 headers, where musl's own script calls six.
    MAKEFLAGS='' make install-headers INSTALL=install DESTDIR="$WORK/out/$TARGET"
)

make_gcc . all-target-libgcc
(export MAKEFLAGS=''; make_gcc . install-strip-target-libgcc DESTDIR="$WORK/out")

# The objects of libc.a are position-independent: libc.so is linked from the same.
# shellcheck disable=SC2016 # make's variable
make -C obj/musl 'LOBJS=$(LIBC_OBJS)'
MAKEFLAGS='' make -C obj/musl install-libs 'LOBJS=$(LIBC_OBJS)' DESTDIR="$WORK/out/$TARGET"
