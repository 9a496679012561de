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

# musl gives a thread 128 KiB of stack unless the program's header asks for more; 8 MiB, what glibc
# gives, is the most that musl takes from there. C code called from Go counts on it.
printf '*self_spec:\n+ %%{!r:%%{!shared:-z stack-size=8388608}}\n\n' > "lib/gcc/$TARGET/$GCC_VERSION/specs"

# Go's cache and other build systems know a compiler by its version line: it says which
# toolchain this is. The mark and the key have the same length, so a file keeps its layout.
# Each file is changed beside its place: an interrupted run leaves it as it was.
find bin libexec -type f -exec grep -lF "$VERSION_MARK" {} + | while read -r file; do
    cp -p "$file" "$WORK/tmp/named"
    sed -i "s/$VERSION_MARK/$VERSION_TEXT/g" "$WORK/tmp/named"
    mv -f "$WORK/tmp/named" "$file"
done
"bin/$TARGET-gcc" --version | grep -qF "$VERSION_TEXT"
