# What configure scripts found out about the host, once for all that come later: config.site, which they read.

# The compiler and the C library that were asked: another build, in which they are others, may go on from the same stages.
who_answers() {
    gcc --version | sed -n 1p
    printf '#include <features.h>\n__GLIBC__.__GLIBC_MINOR__\n' | gcc -E -P -
}

# gather_answers FOLDER [NAMES]: adds what the scripts below FOLDER found, where they agree. Only what depends on the host's compiler
# and C library and on nothing that a package sets. Not which headers there are: scripts ask more of those that they have found. NAMES
# is a further pattern of what is taken.
gather_answers() {
    names="ac_cv_(func|type|sizeof|c|sys|safe|prog_cc|prog_cxx|prog_make|objext|exeext|path_(SED|GREP|EGREP|FGREP|install|mkdir))|acx_cv_prog_cc_warning${2+|$2}"
    find "$1" -name config.log -exec grep -hE "^($names)[A-Za-z0-9_]*=" {} + |
        cat - "$WORK/config.site" |
        awk '
            { name = substr($0, 1, index($0, "=") - 1) }
            /^#/ { unsure[substr(name, 2)] = 1; next }
            name in answers && answers[name] != $0 { unsure[name] = 1 }
            { answers[name] = $0 }
            END {
                for (name in unsure) print "#" name "="
                for (name in answers) if (!(name in unsure)) print answers[name]
            }
        ' | sort > "$WORK/tmp/config.site"
    mv "$WORK/tmp/config.site" "$WORK/config.site"
}

# For the scripts that are called from now on.
use_answers() {
    who_answers > "$WORK/tmp/config.site.of"
    if ! cmp -s "$WORK/tmp/config.site.of" "$WORK/config.site.of"; then
        mv "$WORK/tmp/config.site.of" "$WORK/config.site.of"
        : > "$WORK/config.site"
    fi
    export CONFIG_SITE="$WORK/config.site"
}
