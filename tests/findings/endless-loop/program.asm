# title: a loop that never ends, and looks as if it did
# checker: undecided
# own checks: accepts
# prevail: accepts
# run: faults BPF-R003
# verdict: undecided
# seed: 1
.kind filter
  r1 = 1
  *(u64*)(r10 - 8) = -1
loop:
  r1 += 1
  r2 = *(u64*)(r10 - 8)
  if r2 > 1000 goto loop
  w0 = 1
  if r1 == 8 goto out
  w0 = 0
out:
  exit
