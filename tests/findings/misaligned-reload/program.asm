# title: a reload across two stores
# checker: accepts
# own checks: accepts
# prevail: accepts
# run: ends well
# verdict: accepted
# seed: 1
.kind filter
  r1 = *(u64*)(r1 + 24)
  *(u64*)(r10 - 8) = r1
  *(u64*)(r10 - 16) = 0
  r0 = *(u64*)(r10 - 12)
  r0 &= 1
  exit
