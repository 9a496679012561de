# What the toolchain's folder holds at the end, and nothing else.

cd out
rm -rf share include lib/gcc/*/*/install-tools lib/gcc/*/*/plugin libexec/gcc/*/*/install-tools
find . -name '*.la' -exec rm -f {} +
find . -name '*.py' -exec rm -f {} +
ln -sfn "$TARGET-gcc" "bin/$TARGET-cc"
case ",$COMPILED_LANGUAGES," in
    *,c++,*) ;;
    *) rm -f "bin/$TARGET-c++" "bin/$TARGET-g++" ;;
esac
# musl installs the loader's name with an absolute path: relative, it holds in a sysroot too.
for loader in "$TARGET"/lib/ld-musl-*; do
    [ ! -L "$loader" ] || ln -sfn libc.so "$loader"
done

# The driver's defaults, added to whatever it is asked. %R is where the sysroot is now, and
# GCC_EXEC_PREFIX, which the driver sets, where its own headers are.
specs=lib/gcc/$TARGET/$GCC_VERSION
driver_specs() { [ ! -f "$WORK/driver-specs" ] || cat "$WORK/driver-specs"; }
# musl gives a thread 128 KiB of stack unless the program's header asks for more; 8 MiB, what glibc
# gives, is the most that musl takes from there. C code called from Go counts on it.
stack='%{!r:%{!shared:-z stack-size=8388608}}'
# The same program from toolchains in two places is the same to the byte. What is shorter than the path in the
# file system is what the user's build says, so GCC must not look for a shorter one itself.
places="-fno-canonical-system-headers -ffile-prefix-map=%R=/$TARGET -ffile-prefix-map=%:getenv(GCC_EXEC_PREFIX =/lib/gcc/)"
# Static unless it is a library or a relocatable object that is made; -pie makes a static-pie.
linkage='%{shared:%<static %<static-pie; r:; static-pie:; pie:%<pie %<static -static-pie; static:; :-static}'
# What the linker is told of a static-pie. GCC's own specs for ARM and MIPS leave it out; said twice it means the same.
static_pie='%{static-pie:-static -pie --no-dynamic-linker -z text}'
rm -f "$specs/specs" "$specs/dynamic.specs"
# What the driver has compiled in comes first: where there is a file of that name, it takes all of its specs from there.
builtin_specs() { "bin/$TARGET-gcc" -dumpspecs; }
if [ "$DEFAULTS" = yes ]; then
    {
        builtin_specs
        driver_specs
        printf '*self_spec:\n+ %s\n\n' "$stack $places $linkage"
        printf '*link:\n+ %s\n\n' "$static_pie"
    } > "$WORK/tmp/specs"
    mv "$WORK/tmp/specs" "$specs/specs"
    # `-specs=dynamic.specs` replaces what the file above says: the way back to a dynamic program.
    { printf '*self_spec:\n%s\n\n' "$stack $places"; driver_specs; } > "$specs/dynamic.specs"
elif [ -n "$(driver_specs)" ]; then
    { builtin_specs; driver_specs; } > "$WORK/tmp/specs"
    mv "$WORK/tmp/specs" "$specs/specs"
fi

# Go's cache and other build systems know a compiler by its version line: it says which
# toolchain this is. The mark and the key have the same length, so a file keeps its layout.
# Each file is changed beside its place: an interrupted run leaves it as it was.
find bin libexec -type f -exec grep -lF "$VERSION_MARK" {} + | while read -r file; do
    cp -p "$file" "$WORK/tmp/named"
    sed -i "s/$VERSION_MARK/$VERSION_TEXT/g" "$WORK/tmp/named"
    mv -f "$WORK/tmp/named" "$file"
done
# The names of one program, each changed by itself, are links again.
ln -f "bin/$TARGET-gcc" "bin/$TARGET-gcc-$GCC_VERSION"
[ ! -f "bin/$TARGET-g++" ] || ln -f "bin/$TARGET-g++" "bin/$TARGET-c++"
"bin/$TARGET-gcc" --version | grep -qF "$VERSION_TEXT"
