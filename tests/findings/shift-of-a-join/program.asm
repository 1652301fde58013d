# title: a shift of what two paths left in a register
# checker: refuses
# own checks: accepts
# prevail: panics: assertion failed: !intv.is_bottom()
# run: not run
# verdict: undecided
# seed: 18313550503791603058
.kind rewriter
fn f0:
  r6 = r1
  *(u64*)(r10 - 24) = -1
  r1 = *(u32*)(r6 + 16)
  r2 = 0x367 ll
  r5 = *(u32*)(r10 - 24)
  if w1 > 32768 goto L8
  lock *(u64*)(r10 - 24) fetch^= r5
L8:
  r5 >>= r2
  exit
