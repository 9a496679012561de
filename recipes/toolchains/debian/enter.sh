# Read by the stages that follow the compiler's: GCC's own makefiles, told the target's name where
# they were configured with the family's.

PATH="$WORK/compiler/bin:$PATH"

# make_gcc FOLDER ...: make in a folder of GCC's tree.
make_gcc() {
    folder=$1
    shift
    make -C "obj/gcc/$folder" MAKE="$GCC_MAKE" \
        target_alias="$TARGET" target_noncanonical="$TARGET" real_target_noncanonical="$TARGET" \
        TARGET_SUBDIR="$TARGET" TARGET_SYSTEM_ROOT="/$TARGET" \
        SYSROOT_CFLAGS_FOR_TARGET="--sysroot=$WORK/out/$TARGET" "$@"
}
