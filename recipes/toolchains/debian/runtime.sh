# The libraries that compiled programs lean on: libgcc, libatomic, and libstdc++ when C++ was asked for.

. recipe/enter.sh

# From a run that was interrupted.
rm -rf "obj/gcc/$TARGET"
add() { # LIBRARY INSTALL
    make_gcc . "all-target-$1"
    (export MAKEFLAGS=''; make_gcc . "$2-target-$1" DESTDIR="$WORK/additions")
}
add libgcc install-strip
add libatomic install
case ",$COMPILED_LANGUAGES," in
    *,c++,*) add libstdc++-v3 install ;;
esac

# A family's compiler looks for a folder of its own name among the C++ headers, which were installed
# where it is the target.
family=additions/lib/gcc/$COMPILER_TRIPLE
if [ "$TARGET" != "$COMPILER_TRIPLE" ] && [ -d "$family" ]; then
    own=additions/lib/gcc/$TARGET/$GCC_VERSION/include
    mkdir -p "$own"
    mv "$family/$GCC_VERSION/include/c++" "$own/c++"
    rm -rf "$family"
    ln -s "$TARGET" "$own/c++/$COMPILER_TRIPLE"
fi
