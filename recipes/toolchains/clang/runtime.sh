# The functions that compiled code calls where the machine has no instruction, and what stands before and
# behind a program's own tables: of LLVM's compiler-rt.

. recipe/batch.sh
rm -rf runtime out/clang/lib
mkdir -p runtime
# A copy: objects are made beside the sources.
cp -a src/llvm/compiler-rt/lib/builtins runtime/builtins
cd runtime/builtins

# sources_of NAME: the files of a list in LLVM's own build description.
sources_of() {
    awk -v name="$1" '
        $0 ~ "^ *set\\(" name "$" { inside = 1; next }
        inside && /\)/ { inside = 0 }
        inside && $1 ~ /\.[cS]$/ { print $1 }' CMakeLists.txt
}
wide=$(sources_of GENERIC_TF_SOURCES)
x87=$(sources_of x86_80_BIT_SOURCES)
halves=$(sources_of BF16_SOURCES)
# The rest of the files in this folder is for all machines, but for other systems' and those of libatomic.
not_generic=" atomic.c apple_versioning.c crtbegin.c crtend.c os_version_check.c $(
    printf '%s ' "$wide" "$x87" "$halves" | tr '\n' ' '
) "
generic=
for file in *.c; do
    case $not_generic in *" $file "*) continue ;; esac
    case $file in atomic_*) continue ;; esac
    generic="$generic $file"
done
own=
case $TARGET in
    x86_64-*)
        generic="$generic $wide $x87 $halves"
        own="cpu_model/x86.c i386/fp_mode.c $(find x86_64 -name '*.[cS]' ! -name 'chkstk*')"
        ;;
    i?86-*)
        generic="$generic $x87"
        own="cpu_model/x86.c $(find i386 -name '*.[cS]' ! -name 'chkstk*')"
        ;;
    aarch64-*)
        generic="$generic $wide $halves"
        own="cpu_model/aarch64.c aarch64/fp_mode.c aarch64/outline.S"
        # All of the functions for atomics that are called out of line, in one file.
        for function in cas swp ldadd ldclr ldeor ldset; do
            for size in 1 2 4 8 16; do
                case $function$size in cas16) ;; *16) continue ;; esac
                for model in 1 2 3 4 5; do
                    printf '#define L_%s\n#define SIZE %s\n#define MODEL %s\n#include "lse.S"\n' "$function" "$size" "$model"
                    printf '.purgem JUMP_IF_NOT_LSE\n#undef L_%s\n#undef SIZE\n#undef MODEL\n' "$function"
                done
            done
        done > aarch64/outline.S
        ;;
    arm*)
        own="$(sources_of arm_or_thumb2_base_SOURCES) $(sources_of arm_EABI_SOURCES)"
        case $TARGET in armv7*) own="$own $(sources_of arm_sync_SOURCES)" ;; esac
        ;;
    riscv64-*)
        generic="$generic $wide"
        own='riscv/fp_mode.c riscv/save.S riscv/restore.S riscv/muldi3.S'
        ;;
    loongarch64-*)
        generic="$generic $wide"
        own=loongarch/fp_mode.c
        ;;
    mips64* | s390x-*) generic="$generic $wide" ;;
esac

flags="$COMPILER_ARGUMENTS --sysroot=$WORK/out/$TARGET -resource-dir=$WORK/out/clang $TARGET_CFLAGS -I."
flags="$flags -std=c11 -w -fno-builtin -fvisibility=hidden -fomit-frame-pointer -ffunction-sections -DVISIBILITY_HIDDEN"
{
    for file in $generic; do
        # The machine's own file of the same name takes its place.
        name=${file%.c}
        case " $own " in *"/$name.c "* | *"/$name.S "*) continue ;; esac
        echo "clang $flags -c -o objects/$name.o $file"
    done
    for file in $own; do
        echo "clang $flags -c -o objects/$(echo "${file%.?}" | tr / -).o $file"
    done
    for file in crtbegin crtend; do
        echo "clang $flags -DCRT_HAS_INITFINI_ARRAY -DEH_USE_FRAME_REGISTRY -c -o crt/$file.o $file.c"
    done
    echo "clang $flags -c -o atomic/atomic.o atomic.c"
} | compile_all

# Where this clang looks for them.
# shellcheck disable=SC2086 # a list of flags
place=$WORK/out/clang/lib/$(clang $COMPILER_ARGUMENTS -print-target-triple)
mkdir -p "$place" "$WORK/out/$TARGET/lib"
llvm-ar rcD "$place/libclang_rt.builtins.a" objects/*.o
cp crt/crtbegin.o "$place/clang_rt.crtbegin.o"
cp crt/crtend.o "$place/clang_rt.crtend.o"
llvm-ar rcD "$WORK/out/$TARGET/lib/libatomic.a" atomic/atomic.o
cp "$place/libclang_rt.builtins.a" "$WORK/runtime/"
