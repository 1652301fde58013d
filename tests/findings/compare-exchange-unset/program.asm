# title: a compare-and-exchange with a register that has no value
# checker: refuses
# own checks: accepts
# prevail: accepts
# run: faults BPF-R002
# verdict: undecided
# seed: 1
.kind filter
  *(u64*)(r10 - 8) = 0
  r3 = 1
  lock *(u64*)(r10 - 8) cmpxchg r3
  r0 &= 1
  exit
