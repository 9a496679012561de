#!/bin/sh
# Runs a program of the toolchain's port. `go run` and `go test` look for a go_GOOS_GOARCH_exec in PATH to
# start what they built for another machine (go help run).
port=@PORT@
qemu=@QEMU@
native=@NATIVE@
handlers=/proc/sys/fs/binfmt_misc

# Whether the kernel hands such programs to an emulator that is there (Documentation/admin-guide/binfmt-misc.rst).
kernel_can() {
    for handler in "$handlers/qemu-$qemu" "$handlers/qemu-$qemu-static"; do
        [ -r "$handler" ] || continue
        state='' interpreter='' flags=''
        while read -r key value; do
            case $key in
                enabled) state=enabled ;;
                interpreter) interpreter=$value ;;
                flags:) flags=$value ;;
            esac
        done < "$handler"
        [ -n "$state" ] || continue
        # With F the kernel opened the emulator when it was registered, maybe outside of this container.
        case $flags in *F*) return 0 ;; esac
        [ -x "$interpreter" ] && return 0
    done
    return 1
}

if [ "$native" = yes ] || kernel_can; then
    exec "$@"
fi
for emulator in "qemu-$qemu-static" "qemu-$qemu"; do
    if command -v "$emulator" > /dev/null; then
        exec "$emulator" "$@"
    fi
done
echo "${0##*/}: this machine cannot run programs for $port; install qemu-user: apt-get install qemu-user-static," \
    "dnf install qemu-user-static, apk add qemu-$qemu, or pacman -S qemu-user-static" >&2
exit 1
