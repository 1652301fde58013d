# title: a shift by a swapped number
# checker: refuses
# own checks: accepts
# prevail: panics: Number does not fit in u64: TryFromIntError(())
# run: not run
# verdict: undecided
# seed: 18144524041810914674
.kind rewriter
fn f0:
  r6 = r1
  r3 = *(s8*)(r6 + 20)
  r4 = 2147483647
  r4 = be64 r4
  w3 >>= w4
  exit
