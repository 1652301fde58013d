# title: a call that leads behind two jumps
# checker: refuses
# own checks: accepts
# prevail: refuses
# run: not run
# verdict: rejected
# seed: 1
.kind filter
fn main:
  r6 = *(u32*)(r1 + 16)
  r0 = 0
  call evil
  r0 = 0
  if r6 == 1 goto x
  goto y
x:
  r0 = 0
  exit
y:
  r0 = 1
  exit
fn evil:
  r1 = 0
  r0 = *(u64*)(r1 + 0)
  exit
