# title: code that only a packet of 65,535 bytes reaches
# checker: refuses
# own checks: accepts
# prevail: accepts
# run: ends well
# verdict: undecided
# seed: 1
.kind filter
  r2 = *(u64*)(r1 + 0)
  r3 = *(u64*)(r1 + 8)
  r4 = r2
  r4 += 65535
  if r4 > r3 goto out
  r1 = 0
  *(u64*)(r1 + 0) = r1
out:
  r0 = 0
  exit
