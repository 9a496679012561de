# From the family's compiler to the target's, into out/: the compiler proper is taken as it is, all
# that is called by the target's name is made for it, assembler, linker and the compiler's driver.

. recipe/enter.sh
rm -rf out driver-specs
# Where MIPS' driver looks for what is in the sysroot's lib.
link_lib64() {
    ln -sfn lib "out/$TARGET/lib64"
}
if [ "$TARGET" = "$COMPILER_TRIPLE" ]; then
    cp -a compiler out
    link_lib64
    exit
fi

. recipe/build-binutils.sh
. recipe/site.sh
use_answers
build_binutils "$TARGET" obj/binutils-of-target out obj/binutils
link_lib64

for folder in lib/gcc libexec/gcc; do
    mkdir -p "out/$folder"
    cp -a "compiler/$folder/$COMPILER_TRIPLE" "out/$folder/$TARGET"
done

# The driver's defaults: those that its configure found for the family, but where the family's or the target's
# own options say something, it is the target's that counts.
gcc=obj/gcc/gcc
[ -f "$gcc/configargs.h.family" ] || cp -p "$gcc/configargs.h" "$gcc/configargs.h.family"
names_of() {
    for option in "$@"; do
        case $option in --with-*=*) option=${option%%=*}; echo "${option#--with-}" | tr - _ ;; esac
    done
}
# shellcheck disable=SC2086 # both are lists of options
said=" $(names_of $COMPILER_OPTIONS $GCC_TARGET_OPTIONS | tr '\n' ' ')"
defaults=$(
    sed -n '/configure_default_options/s/.*= { \(.*\) };/\1/p' "$gcc/configargs.h.family" |
        grep -o '{ "[^"]*", "[^"]*" }' |
        while read -r entry; do
            name=$(echo "$entry" | cut -d '"' -f 2)
            case $said in *" $name "*) ;; *) printf '%s, ' "$entry" ;; esac
        done
    for option in $GCC_TARGET_OPTIONS; do
        name=$(names_of "$option")
        [ -z "$name" ] || printf '{ "%s", "%s" }, ' "$name" "${option#*=}"
    done
)
sed "/configure_default_options/s/= {.*/= { $defaults };/" "$gcc/configargs.h.family" > "$gcc/configargs.h"
# Only the driver is to see that it has changed.
touch -r "$gcc/configargs.h.family" "$gcc/configargs.h"

programs='xgcc cpp collect2 gcc-ar gcc-nm gcc-ranlib'
case ",$COMPILED_LANGUAGES," in *,c++,*) programs="$programs xg++" ;; esac
rm -f "$gcc/specs"
for object in gcc collect2 gcc-ar gcc-nm gcc-ranlib; do
    rm -f "$gcc/$object.o"
done
for program in $programs; do
    rm -f "$gcc/$program"
done
# shellcheck disable=SC2086 # a list of goals
make_gcc gcc $programs specs
install_program() { # BUILT INSTALLED
    cp "$gcc/$1" "out/$2"
    strip "out/$2"
}
for program in cpp gcc-ar gcc-nm gcc-ranlib; do
    install_program "$program" "bin/$TARGET-$program"
done
install_program xgcc "bin/$TARGET-gcc"
ln -f "out/bin/$TARGET-gcc" "out/bin/$TARGET-gcc-$GCC_VERSION"
install_program collect2 "libexec/gcc/$TARGET/$GCC_VERSION/collect2"
case ",$COMPILED_LANGUAGES," in
    *,c++,*)
        install_program xg++ "bin/$TARGET-g++"
        ln -f "out/bin/$TARGET-g++" "out/bin/$TARGET-c++"
        ;;
esac

# Both the compiler that builds the target's libraries and the one that is handed out.
printf '%s' "$DRIVER_SPECS" > driver-specs
cat driver-specs >> "$gcc/specs"
cp "$gcc/specs" "out/lib/gcc/$TARGET/$GCC_VERSION/specs"
