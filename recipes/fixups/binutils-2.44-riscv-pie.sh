# In a position-independent program for RISC-V, ld keeps absolute relocations against global symbols
# that the program itself defines. The loader of a dynamic program applies them; the start-up of a static
# one applies only relative ones, and an archive of Go's in it does not start. An executable's
# own definition is final, as bfd/elfnn-aarch64.c has it.

file=bfd/elfnn-riscv.c
old='|| !SYMBOLIC_BIND ((INFO), (H)) \\$'
grep -q "$old" "$file"
sed -i "s/$old/|| !(bfd_link_executable (INFO) || SYMBOLIC_BIND ((INFO), (H))) \\\\/" "$file"
