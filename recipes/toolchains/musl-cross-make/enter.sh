# Read by each stage: goes to litecross's build folder, with its settings as they are known by now.
# A stage is told the versions of the sources that are unpacked so far, and no others, so that its
# result holds for every toolchain that begins with the same stages.

cd "$WORK/mcm"
. "$WORK/recipe/config.sh" > config.mak
# The makefile writes this one only if it is not there, and it has the versions in it.
rm -f "build/local/$TARGET/config.mak"
make "build/local/$TARGET/Makefile" "build/local/$TARGET/config.mak"

# For make, where it builds musl: the objects of libc.a are position-independent, and libc.so is linked
# from the same.
# shellcheck disable=SC2034 # for who reads this file
SHARED_FROM_THE_SAME_OBJECTS='LOBJS=$(LIBC_OBJS)'

. "$WORK/recipe/applied.sh"
# patched_tree COMPONENT VERSION: has the makefile make the patched tree from the unpacked source.
patched_tree() {
    make "$1-$2"
    for patch in "patches/$1-$2"/*; do
        [ ! -f "$patch" ] || applied "$1" "$patch"
    done
}
