# musl's headers, libgcc, then musl itself, into the build's sysroot.

. recipe/enter.sh
# Anew, so that an interrupted run leaves nothing that is patched twice.
rm -rf "musl-$MUSL_VERSION" "build/local/$TARGET/obj_musl"
rm -f "build/local/$TARGET/obj_sysroot/.lc_headers" "build/local/$TARGET/obj_sysroot/.lc_libs"
patched_tree musl "$MUSL_VERSION"
if [ "$DEFAULTS" = yes ]; then
    # With its own script: the tree is made of symlinks to the unpacked source, which patch does not follow.
    applied musl "$WORK/recipe/musl-arguments-of-constructors.patch"
    (cd "musl-$MUSL_VERSION" && ../cowpatch.sh -p1 < "$WORK/recipe/musl-arguments-of-constructors.patch")
fi
cd "build/local/$TARGET"
# One goal at a time: litecross orders them for a build from nothing.
for goal in obj_sysroot/.lc_headers "obj_gcc/$TARGET/libgcc/libgcc.a" obj_musl/.lc_built obj_sysroot/.lc_libs; do
    make "$goal" "$SHARED_FROM_THE_SAME_OBJECTS"
done
