# What clang is told each time, in the toolchain's folder: <CFGDIR> is where that is.

rm -rf out/lib out/bin
configuration() { # OF C OR C++
    for argument in $COMPILER_ARGUMENTS; do
        echo "$argument"
    done
    echo "--sysroot=<CFGDIR>/$TARGET"
    echo '-resource-dir=<CFGDIR>/clang'
    printf '%s\n' --rtlib=compiler-rt -fuse-ld=lld
    case $1 in
        c) echo --unwindlib=none ;;
        # Exceptions are found by a table that a static program needs too.
        *) printf '%s\n' --unwindlib=libunwind -stdlib=libc++ -Wl,--eh-frame-hdr ;;
    esac
    if [ "$DEFAULTS" = yes ]; then
        # musl gives a thread 128 KiB of stack unless the program's header asks for more; 8 MiB, what glibc
        # gives, is the most that musl takes from there. C code called from Go counts on it.
        echo '-Wl,-z,stack-size=8388608'
        # The same program from toolchains in two places is the same to the byte.
        echo "-ffile-prefix-map=<CFGDIR>/$TARGET=/$TARGET"
        echo '-ffile-prefix-map=<CFGDIR>/clang=/clang'
    fi
}
configuration c > out/clang.cfg
case ",$COMPILED_LANGUAGES," in
    *,c++,*) configuration c++ > out/clang++.cfg ;;
esac
