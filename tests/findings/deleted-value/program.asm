# title: a value is used after its key is deleted
# checker: accepts
# own checks: accepts
# prevail: accepts
# run: ends well
# verdict: accepted
# seed: 1
.kind filter
.map hash hash 4 16 8
  r6 = 0
  *(u32*)(r10 - 4) = r6
  r1 = map 0
  r2 = r10
  r2 += -4
  call 1
  if r0 == 0 goto out
  r7 = r0
  r1 = map 0
  r2 = r10
  r2 += -4
  call 3
  r1 = 7
  *(u64*)(r7 + 8) = r1
out:
  r0 = 0
  exit
