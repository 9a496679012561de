# In a position-independent program for RISC-V or s390x, ld keeps absolute relocations against global
# symbols that the program itself defines. The loader of a dynamic program applies them; the start-up of a static
# one applies relative ones only, and an archive of Go's in it does not start. A program's own
# definition is final, as bfd/elfnn-aarch64.c has it. For RISC-V, upstream has done so since its commit 39c7793ba8.

for file in bfd/elfnn-riscv.c bfd/elf64-s390.c; do
    sed -i -E 's/^([[:space:]]*\|\| )!(SYMBOLIC_BIND \((\(INFO\)|info), .*\))( \\)?$/\1!(bfd_link_pie (\3) || \2)\4/' "$file"
    # A newer version may have it already.
    grep -q 'bfd_link_pie .* || SYMBOLIC_BIND' "$file"
done
