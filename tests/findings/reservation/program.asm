# title: a reservation in a ring buffer
# checker: refuses
# own checks: refuses
# prevail: undecided
# run: not run
# verdict: rejected
# seed: 1
.kind filter
.map hash hash 4 16 8
  r1 = map 0
  r2 = 16
  r3 = 0
  call 131
  r0 = 0
  exit
