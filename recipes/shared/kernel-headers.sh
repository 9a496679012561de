# The kernel's user-space headers, into the toolchain's sysroot: from the kernel's own tree, or from
# the distribution's package, which has them ready for every architecture.

include=$WORK/out/$TARGET/include
mkdir -p "$include"
if [ -d src/linux/usr/lib/linux/uapi ]; then
    for folder in linux asm-generic drm misc mtd rdma scsi/fc sound video xen; do
        mkdir -p "$include/$folder"
        cp -R "src/linux/usr/include/$folder/." "$include/$folder/"
    done
    # These are links into the package's folder of per-architecture headers.
    rm -rf "$include/asm"
    cp -RL "src/linux/usr/include/$MULTIARCH/asm" "$include/asm"
else
    make -C src/linux ARCH="$KERNEL_ARCH" O="$WORK/obj/linux" INSTALL_HDR_PATH="$WORK/obj/linux-headers" headers_install
    cp -R "$WORK/obj/linux-headers/include/." "$include/"
fi
