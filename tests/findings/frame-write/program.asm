# title: a callee writes at and above its frame pointer
# checker: refuses
# own checks: refuses
# prevail: accepts
# run: ends well
# verdict: rejected
# seed: 1
.kind filter
fn main:
  r0 = 0
  call inner
  r0 = 0
  exit
fn inner:
  r1 = 1094795585
  *(u64*)(r10 + 0) = r1
  *(u64*)(r10 + 256) = r1
  r0 = 0
  exit
