# write_libc_interface [NM]: what the target's libraries can see of the C library that they are compiled against, into the file
# libc-interface: its headers and, where their configure scripts ask by linking, which symbols its archives and start files have.

write_libc_interface() {
    (
        cd "$WORK/out/$TARGET"
        # Files, not pipes: sh sees a failure in the last program of a pipe only.
        find include/ -type f -exec sha256sum {} + > "$WORK/tmp/seen"
        sort -k 2 "$WORK/tmp/seen"
        if [ $# -gt 0 ]; then
            for file in lib/*.a lib/*.o; do
                echo "$file:"
                "$1" -g --defined-only "$file" > "$WORK/tmp/seen"
                awk 'NF == 3 { print $2, $3 }' "$WORK/tmp/seen" | sort -u
            done
        fi
    ) > "$WORK/tmp/libc-interface"
    mv "$WORK/tmp/libc-interface" "$WORK/libc-interface"
}
