# GMP, MPFR and MPC, which the compiler computes with, into host/. They know nothing of a target: all
# compilers of this host are linked with the same.

rm -rf host obj/host
. recipe/site.sh
use_answers
: > config.site
for library in gmp mpfr mpc; do
    mkdir -p "obj/host/$library"
    (
        cd "obj/host/$library"
        # --build and --host are said, not guessed: a guess names this machine's processor, and GMP
        # would choose its assembly by it.
        "$WORK/src/$library/configure" --build="$BUILD_TRIPLE" --host="$BUILD_TRIPLE" --prefix="$WORK/host" \
            --disable-shared --disable-dependency-tracking --with-gmp="$WORK/host" --with-mpfr="$WORK/host" CFLAGS="$HOST_CFLAGS"
        make MAKEINFO=true V=1
        MAKEFLAGS='' make install MAKEINFO=true
    )
done
gather_answers obj/host
rm -rf obj/host host/share
