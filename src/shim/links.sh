# Static unless it is a library or a relocatable object that is made; -pie makes a static-pie, -specs=dynamic.specs a
# dynamic program, as with GCC.
link=-static
for argument; do
    case $argument in
        -shared | -r | -static-pie) link='' && break ;;
        -specs=dynamic.specs) link=dynamic && break ;;
        # Clang sees -static-pie then, and would warn that it needs no -pie.
        -pie) link='-static-pie -Wno-unused-command-line-argument' ;;
    esac
done
if [ "$link" = dynamic ]; then
    link=
    for argument; do
        shift
        [ "$argument" = -specs=dynamic.specs ] || set -- "$@" "$argument"
    done
fi
