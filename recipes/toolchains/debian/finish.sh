# What the toolchain's folder holds at the end, and nothing else.

cd out
rm -rf share include lib/gcc/*/*/install-tools lib/gcc/*/*/plugin libexec/gcc/*/*/install-tools
find . -name '*.la' -exec rm -f {} +
find . -name '*.py' -exec rm -f {} +
ln -sfn "$TARGET-gcc" "bin/$TARGET-cc"
case ",$LANGUAGES," in
    *,c++,*) ;;
    *) rm -f "bin/$TARGET-c++" "bin/$TARGET-g++" ;;
esac

# Go's cache and other build systems know a compiler by its version line: it says which
# toolchain this is. The mark and the key have the same length, so a file keeps its layout.
grep -rlF --binary-files=binary "$VERSION_MARK" bin libexec | while read -r file; do
    sed -i "s/$VERSION_MARK/$VERSION_TEXT/g" "$file"
done
