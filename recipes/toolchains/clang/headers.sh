# musl, patched and configured, and its headers. Its objects are made in the patched tree.

. recipe/applied.sh
rm -rf musl out
cp -a src/musl musl
patch_musl() {
    applied musl "$1"
    patch -d musl -p1 -s < "$1"
}
while read -r patch; do
    case $patch in '' | '#'*) continue ;; esac
    patch_musl "src/musl-patches/patches/$patch"
done < src/musl-patches/patches/series
if [ "$DEFAULTS" = yes ]; then
    patch_musl recipe/musl-arguments-of-constructors.patch
fi

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
