# The compiler proper, with GMP, MPFR and MPC in its tree. Nothing of the target's C library is
# needed here, so a new musl does not come back to this stage.

. recipe/enter.sh
for library in "gcc-$GCC_VERSION" "gmp-$GMP_VERSION" "mpfr-$MPFR_VERSION" "mpc-$MPC_VERSION"; do
    make "$library"
done
cd "build/local/$TARGET"
make -j"$JOBS" obj_gcc/gcc/.lc_built
