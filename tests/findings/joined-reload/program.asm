# title: a reload of two stores at once
# checker: refuses
# own checks: accepts
# prevail: accepts
# run: faults BPF-R001
# verdict: undecided
# seed: 1
.kind filter
  r0 = 0
  *(u32*)(r10 - 8) = 0
  *(u32*)(r10 - 4) = -1
  r1 = *(u64*)(r10 - 8)
  if r1 < 1001 goto out
  r1 = 0
  r0 = *(u32*)(r1 + 0)
out:
  r0 = 0
  exit
