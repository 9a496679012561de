# patched_musl FOLDER: a copy of src/musl with the distribution's patches and, where the defaults are wanted, our own.
# A copy, so that an interrupted run finds the tree unpatched.

. recipe/applied.sh

patched_musl() {
    rm -rf "$1"
    cp -a src/musl "$1"
    while read -r patch; do
        case $patch in '' | '#'*) continue ;; esac
        patch_musl "$1" "src/musl-patches/patches/$patch"
    done < src/musl-patches/patches/series
    if [ "$DEFAULTS" = yes ]; then
        patch_musl "$1" recipe/musl-arguments-of-constructors.patch
    fi
}

patch_musl() { # FOLDER PATCH
    applied musl "$2"
    patch -d "$1" -p1 -s < "$2"
}
