#!/bin/sh
# The host's @TOOL@, told to compile for @TRIPLE@.
program=@PROGRAM@ version=@VERSION@ stamp=@STAMP@
if [ "$program" -nt "$stamp" ] || [ "$program" -ot "$stamp" ]; then
    echo "${0##*/}: $program has changed since the toolchain was built for $version:" \
        "muslchain install @TRIPLE@ builds one for it" >&2
fi
# Go's cache knows a compiler by the first version line that it prints when it is asked so.
[ "${1-}" != '-###' ] || echo "$version @KEY@" >&2
