# build_binutils TRIPLE OBJ OUT [BUILT]: assembler, linker and archive tools for TRIPLE, running on
# $BUILD_TRIPLE, built in the folder OBJ and installed into OUT, with a name from the work tree each. BUILT is where
# they were built for another target: what knows nothing of one is taken from there.

build_binutils() {
    rm -rf "$2"
    mkdir -p "$2" "$3/$1/include"
    # GCC looks for headers and libraries below <sysroot>/usr, musl installs them at the sysroot's root.
    ln -sfn . "$3/$1/usr"
    (
        cd "$2"
        "$WORK/src/binutils/configure" \
            --build="$BUILD_TRIPLE" --host="$BUILD_TRIPLE" --target="$1" \
            --prefix= --libdir=/lib --with-sysroot="/$1" \
            --disable-nls --disable-gprof --disable-gprofng --disable-gdb --disable-sim \
            --disable-multilib --disable-werror --disable-plugins --disable-separate-code \
            --disable-shared --enable-deterministic-archives --without-zstd --disable-dependency-tracking \
            CFLAGS="$HOST_CFLAGS" CXXFLAGS="$HOST_CFLAGS" LDFLAGS="$HOST_LDFLAGS"
        for library in ${4:+libiberty libsframe zlib}; do
            ln -s "$WORK/$4/$library" .
        done

        # V=1, so that the log shows each compilation. libtool drops a plain -static when it links programs, and -all-static is not a flag
        # that the sub-directories' configure tests survive: configure them all first, then link with it.
        make configure-host MAKEINFO=true
        if [ "$HOST_STATIC" = yes ]; then
            make MAKEINFO=true V=1 LDFLAGS=-all-static
        else
            make MAKEINFO=true V=1
        fi
        MAKEFLAGS='' make install-strip MAKEINFO=true DESTDIR="$WORK/$3"
    )
}
