#!/bin/sh
# The host's pkg-config, which sees the toolchain's own libraries only: the host's are for another C library.
# What it names is linked statically.
sysroot=@SYSROOT@

unset PKG_CONFIG_PATH
# Libraries are installed for the sysroot: what they call /usr/include is below it.
export PKG_CONFIG_SYSROOT_DIR="$sysroot"
export PKG_CONFIG_LIBDIR="$sysroot/lib/pkgconfig:$sysroot/share/pkgconfig"
# The compiler looks there anyway, so that no path of this machine need be part of what is built.
export PKG_CONFIG_SYSTEM_INCLUDE_PATH="$sysroot/include" PKG_CONFIG_SYSTEM_LIBRARY_PATH="$sysroot/lib"

for program in pkg-config pkgconf; do
    if command -v "$program" > /dev/null; then
        exec "$program" --static "$@"
    fi
done
echo "${0##*/}: this machine has no pkg-config: apt-get install pkg-config, dnf install pkgconf-pkg-config," \
    "apk add pkgconf, or pacman -S pkgconf" >&2
exit 1
