# title: a shift by what an atomic operation fetched
# checker: refuses
# own checks: accepts
# prevail: panics: Number does not fit in u64: TryFromIntError(())
# run: not run
# verdict: undecided
# seed: 12916215155072312729
.kind rewriter
fn f0:
  r6 = r1
  *(u64*)(r10 - 40) = -1
  r1 = *(u8*)(r6 + 19)
  r2 = *(u64*)(r6 + 24)
  lock *(u64*)(r10 - 40) fetch+= r2
  r1 >>= r2
  exit
