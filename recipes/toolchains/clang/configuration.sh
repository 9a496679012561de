# What clang is told each time, in the toolchain's folder: <CFGDIR> is where that is.

rm -rf out/lib out/bin
{
    for argument in $COMPILER_ARGUMENTS; do
        echo "$argument"
    done
    echo "--sysroot=<CFGDIR>/$TARGET"
    echo '-resource-dir=<CFGDIR>/clang'
    printf '%s\n' --rtlib=compiler-rt --unwindlib=none -fuse-ld=lld
    if [ "$DEFAULTS" = yes ]; then
        # musl gives a thread 128 KiB of stack unless the program's header asks for more; 8 MiB, what glibc
        # gives, is the most that musl takes from there. C code called from Go counts on it.
        echo '-Wl,-z,stack-size=8388608'
        # The same program from toolchains in two places is the same to the byte.
        echo "-ffile-prefix-map=<CFGDIR>/$TARGET=/$TARGET"
        echo '-ffile-prefix-map=<CFGDIR>/clang=/clang'
    fi
} > out/clang.cfg
