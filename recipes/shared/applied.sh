# applied COMPONENT FILE: records that a patch is applied, for the toolchain's manifest.

applied() {
    echo "patch $2"
    sha256sum "$2" | sed "s|^|$1 |" >> "$WORK/applied-patches"
}
