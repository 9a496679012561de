# write_libc_interface NM: what the target's libraries can see of the C library that they are compiled against, into the file
# libc-interface: its headers, and which symbols its archives and start files have, for configure scripts that ask by linking.

write_libc_interface() {
    (
        cd "$WORK/out/$TARGET"
        find include/ -type f -exec sha256sum {} + | sort -k 2
        for file in lib/*.a lib/*.o; do
            echo "$file:"
            "$1" -g --defined-only "$file" | awk 'NF == 3 { print $2, $3 }' | sort -u
        done
    ) > "$WORK/tmp/libc-interface"
    mv "$WORK/tmp/libc-interface" "$WORK/libc-interface"
}
