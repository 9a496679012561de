# Sets musl-cross-make's tree up and builds the assembler, linker and archive tools.

# The tree is copied beside the unpacked sources: its makefile writes into it.
cp -R src/musl-cross-make/. mcm/
. recipe/enter.sh
patched_tree binutils "$BINUTILS_VERSION"

# Always from within: litecross takes the folder it is called in from $PWD, which `make -C` leaves.
cd "build/local/$TARGET"
# V=1, so that the log shows each compilation.
make obj_binutils/.lc_built V=1
