# musl's headers, libgcc, then musl itself, into the build's sysroot.

. recipe/enter.sh
make "musl-$MUSL_VERSION"
cd "build/local/$TARGET"
# One goal at a time: litecross orders them for a build from nothing.
for goal in obj_sysroot/.lc_headers "obj_gcc/$TARGET/libgcc/libgcc.a" obj_musl/.lc_built obj_sysroot/.lc_libs; do
    make -j"$JOBS" "$goal"
done
