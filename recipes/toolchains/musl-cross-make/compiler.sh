# The compiler proper, with GMP, MPFR and MPC in its tree. Nothing of the target's C library is
# needed here, so a new musl does not come back to this stage.

. recipe/enter.sh
patched_tree gcc "$GCC_VERSION"
patched_tree gmp "$GMP_VERSION"
patched_tree mpfr "$MPFR_VERSION"
patched_tree mpc "$MPC_VERSION"
cd "build/local/$TARGET"
make obj_gcc/gcc/.lc_built
