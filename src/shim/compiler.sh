#!/bin/sh
# A compiler of the host, told to compile for the toolchain's target.
program=@PROGRAM@ version=@VERSION@ triple=@TRIPLE@ stamp=@STAMP@
# shellcheck disable=SC3013 # not of POSIX, but dash, bash and busybox have these
if [ "$program" -nt "$stamp" ] || [ "$program" -ot "$stamp" ]; then
    echo "${0##*/}: $program has changed since the toolchain was built for $version:" \
        "muslchain install $triple builds one for it" >&2
fi
# Go's cache knows a compiler by the first version line that it prints when it is asked so.
[ "${1-}" != '-###' ] || echo "$version @KEY@" >&2
