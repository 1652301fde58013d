# title: `bswap64` of a constant whose top bit is set afterwards
# checker: refuses
# own checks: accepts
# prevail: accepts
# run: faults BPF-R001
# verdict: undecided
# seed: 1
.kind filter
  r1 = 128
  r1 = bswap64 r1
  if r1 > 5 goto bad
  r0 = 0
  exit
bad:
  r1 = 0
  r0 = *(u32*)(r1 + 0)
  exit
