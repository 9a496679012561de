# The libraries that compiled programs lean on: libgcc, libatomic, and libstdc++ when C++ was asked for.

. recipe/enter.sh

# From a run that was interrupted.
rm -rf "obj/gcc/$TARGET"
built='all-target-libgcc all-target-libatomic'
installed='install-strip-target-libgcc install-target-libatomic'
case ",$COMPILED_LANGUAGES," in
    *,c++,*)
        built="$built all-target-libstdc++-v3"
        installed="$installed install-target-libstdc++-v3"
        ;;
esac
# In one call: while one is configured, the other is compiled.
# shellcheck disable=SC2086 # a list of goals
make_gcc . $built
# shellcheck disable=SC2086 # a list of goals
(export MAKEFLAGS=''; make_gcc . $installed DESTDIR="$WORK/additions")

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
