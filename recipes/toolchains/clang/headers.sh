# musl, patched and configured, and its headers. Its objects are made in the patched tree.

. recipe/musl-source.sh
rm -rf out
patched_musl musl
patch_musl musl recipe/musl-call-of-s390x.patch

# Clang looks for headers and libraries below <sysroot>/usr, musl installs them at the sysroot's root.
mkdir -p "out/$TARGET"
ln -sfn . "out/$TARGET/usr"
# What clang's own headers are: those of another version would not fit.
mkdir -p out/clang/include
cp "$(clang -print-resource-dir)"/include/*.h out/clang/include/
cd musl
./configure --host="$TARGET" --prefix= CC="clang $COMPILER_ARGUMENTS" AR=llvm-ar RANLIB=llvm-ranlib \
    CFLAGS="$TARGET_CFLAGS" LDFLAGS=-fuse-ld=lld LIBCC="$WORK/runtime/libclang_rt.builtins.a"
MAKEFLAGS='' make install-headers DESTDIR="$WORK/out/$TARGET"
# What libc++ sees of musl: it is archived, not linked, and built without configure scripts.
. "$WORK/recipe/libc-interface.sh"
write_libc_interface
