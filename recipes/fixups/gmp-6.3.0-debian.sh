# The distribution's GMP comes without doc/, whose Makefile.in configure insists on.

mkdir -p doc
{
    printf '%s\n' 'all install install-strip check clean distclean mostlyclean maintainer-clean:' '	@:'
    printf '%s\n' 'info dvi pdf ps html install-info install-html install-pdf installcheck uninstall:' '	@:'
} > doc/Makefile.in
