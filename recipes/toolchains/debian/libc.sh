# musl and libgcc. Each needs a part of the other: musl's headers come first, then libgcc,
# which musl's own link line names, then musl itself.

PATH="$WORK/out/bin:$PATH"

# A copy, so that an interrupted run finds the tree unpatched.
rm -rf src/musl-patched
cp -a src/musl src/musl-patched
while read -r patch; do
    case $patch in '' | '#'*) continue ;; esac
    echo "patch $patch"
    patch -d src/musl-patched -p1 -s < "src/musl-patches/patches/$patch"
done < src/musl-patches/patches/series

rm -rf obj/musl
mkdir -p obj/musl
(
    cd obj/musl
    ../../src/musl-patched/configure --host="$TARGET" --prefix= --disable-shared \
        CC="$TARGET-gcc" CFLAGS="$TARGET_CFLAGS"
    make install-headers DESTDIR="$WORK/out/$TARGET"
)

make -C obj/gcc -j"$JOBS" all-target-libgcc MAKEINFO=true
make -C obj/gcc install-strip-target-libgcc MAKEINFO=true DESTDIR="$WORK/out"

make -C obj/musl -j"$JOBS"
make -C obj/musl install DESTDIR="$WORK/out/$TARGET"
