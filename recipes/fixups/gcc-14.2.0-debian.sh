# The distribution's GCC comes with an empty doc/tm.texi.in. The rule that holds the manual
# against the code would stop the build, and all it makes is a stamp: a rule that only stamps
# takes its name.

sed -i 's/^s-tm-texi: build\/genhooks.*/s-tm-texi:\n\t$(STAMP) $@\n\ns-tm-texi-compared:/' gcc/Makefile.in

# The release has the files that it would generate in its own tree, by a script that only GNU awk understands.
sed -i 's/^s-loongarch-evolution: .*/s-loongarch-evolution:\n\t$(STAMP) $@\n\ns-loongarch-evolution-generated: \\/' \
    gcc/config/loongarch/t-loongarch
