# libc.so, which is the loader of dynamic programs too.

PATH="$WORK/out/bin:$PATH"
# shellcheck disable=SC2016 # make's variable
make -C obj/musl 'LOBJS=$(LIBC_OBJS)'
MAKEFLAGS='' make -C obj/musl install-libs 'LOBJS=$(LIBC_OBJS)' DESTDIR="$WORK/out/$TARGET"
