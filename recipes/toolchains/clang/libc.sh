# musl: its own makefile says what is compiled how, and archives and links the objects.

. recipe/batch.sh
cd musl
# The objects of libc.a are position-independent: libc.so is linked from the same.
# shellcheck disable=SC2016 # make's variable
same='LOBJS=$(LIBC_OBJS)'
make obj/include/bits/alltypes.h obj/include/bits/syscall.h obj/src/internal/version.h
make -n "$same" | grep '^clang ' | grep -v -e ' -shared ' | compile_all
make "$same"
MAKEFLAGS='' make install "$same" DESTDIR="$WORK/out/$TARGET"
# musl installs the loader's name with an absolute path: relative, it holds in a sysroot too.
for loader in "$WORK/out/$TARGET"/lib/ld-musl-*; do
    ln -sfn libc.so "$loader"
done
