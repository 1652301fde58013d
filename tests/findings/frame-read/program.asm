# title: a callee reads its caller's frame
# checker: refuses
# own checks: refuses
# prevail: accepts
# run: ends well
# verdict: rejected
# seed: 1
.kind filter
fn main:
  r1 = 5
  *(u64*)(r10 - 512) = r1
  call inner
  r0 = 0
  exit
fn inner:
  r0 = *(u64*)(r10 + 0)
  exit
