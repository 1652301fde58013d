# title: a store across fields of the context
# checker: refuses
# own checks: accepts
# prevail: accepts
# run: ends well
# verdict: undecided
# seed: 1
.kind filter
  r2 = 7
  *(u64*)(r1 + 18) = r2
  r0 = 0
  exit
