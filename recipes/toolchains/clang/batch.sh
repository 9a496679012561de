# compile_all: reads lines `clang FLAGS -c -o OBJECT SOURCE`, as make prints them, and does what they say. Of C files with
# the same flags many are given to one compiler: starting it takes longer than compiling most of them. The objects are the
# same. It writes beside the sources first.

compile_all() {
    rm -rf "$WORK/batches"
    mkdir -p "$WORK/batches"
    # Files for each set of flags and language: the flags, and lists of so many sources and objects.
    awk -v folder="$WORK/batches" -v most=60 -v few=3 '
        / -c -o [^ ]+ [^ ]+$/ {
            source = $NF; object = $(NF - 1); flags = $0
            sub(/ -c -o [^ ]+ [^ ]+$/, "", flags)
            kind = source ~ /\.c$/ ? "c" : source ~ /\.cpp$/ ? "c++" : "s"
            set = flags SUBSEP kind
            if (!(set in number) || kind == "s" || full[set] == (kind == "c" ? most : few)) { number[set] = ++count; full[set] = 0 }
            full[set]++
            batch = folder "/" number[set]
            if (full[set] == 1) print flags >> (batch ".flags." kind)
            print object, source >> (batch ".files")
            close(batch ".flags." kind); close(batch ".files")
        }'
    {
        printf 'all:'
        for flags in "$WORK"/batches/*.flags.*; do
            # None where an interrupted run had done all of it.
            [ -f "$flags" ] || continue
            batch=${flags%.flags.*}
            printf ' %s' "$batch.done"
        done
        printf '\n%%.done:\n\t@sh -eu %s/recipe/batch.sh $*\n' "$WORK"
    } > "$WORK/batches/Makefile"
    make -f "$WORK/batches/Makefile" all
}

# compile_batch BATCH: what a line of the makefile above does.
compile_batch() {
    if [ -f "$1.flags.s" ]; then
        read -r flags < "$1.flags.s"
        read -r object source < "$1.files"
        mkdir -p "${object%/*}"
        # shellcheck disable=SC2086 # a list of flags
        $flags -c -o "$object" "$source"
        return
    fi
    language=c
    [ -f "$1.flags.c" ] || language=c++
    read -r flags < "$1.flags.$language"
    # The compiler proper, as the driver would call it, up to the names of its files.
    sources=$(cut -d ' ' -f 2 "$1.files" | tr '\n' ' ')
    # shellcheck disable=SC2086 # a list of flags
    proper=$($flags -'###' -c -o x.o "${sources%% *}" 2>&1 | sed -n '$s/ "-main-file-name" "[^"]*"//; $s/ "-o" "x\.o".*//p')
    eval "$proper -x $language $sources"
    while read -r object source; do
        mkdir -p "${object%/*}"
        mv "${source%.*}.o" "$object"
    done < "$1.files"
}

# Sourced by a stage, or called by the makefile.
case $0 in
    */batch.sh) compile_batch "$1" ;;
esac
