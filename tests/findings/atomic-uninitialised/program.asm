# title: an atomic operation on stack that was never written
# checker: refuses
# own checks: accepts
# prevail: accepts
# run: faults BPF-R002
# verdict: undecided
# seed: 1
.kind filter
  r0 = 1
  r2 = 7
  lock *(u64*)(r10 - 40) fetch^= r2
  exit
