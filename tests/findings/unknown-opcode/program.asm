# title: an opcode that no RFC defines
# checker: refuses
# own checks: refuses
# prevail: refuses
# run: not run
# verdict: rejected
# seed: 1
.kind filter
  r0 = 0
  raw 0x0d 1 2 1 4660
  r0 = 1
  exit
