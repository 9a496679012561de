# The libraries that compiled programs lean on: libgcc, libatomic, and libstdc++ when C++ was asked for.

. recipe/enter.sh

# From a run that was interrupted.
rm -rf "obj/gcc/$TARGET"
make_gcc . all-target-libgcc
(export MAKEFLAGS=''; make_gcc . install-strip-target-libgcc DESTDIR="$WORK/additions")

libraries=libatomic
case ",$COMPILED_LANGUAGES," in
    *,c++,*) libraries="$libraries libstdc++-v3" ;;
esac
for library in $libraries; do
    make_gcc . "all-target-$library"
    (export MAKEFLAGS=''; make_gcc . "install-target-$library" DESTDIR="$WORK/additions")
done

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
