# title: the smallest number divided by -1
# checker: accepts
# own checks: accepts
# prevail: accepts
# run: ends well
# verdict: accepted
# seed: 1
.kind filter
  r0 = 0x8000000000000000 ll
  r0 s/= -1
  r0 >>= 63
  exit
