# title: jumps that do nothing
# checker: accepts
# own checks: accepts
# prevail: accepts
# run: ends well
# verdict: accepted
# seed: 1
.kind filter
  r0 = 0
  goto l0
l0:
  goto l1
l1:
  goto l2
l2:
  goto l3
l3:
  goto l4
l4:
  goto l5
l5:
  goto l6
l6:
  goto l7
l7:
  goto l8
l8:
  goto l9
l9:
  goto l10
l10:
  goto l11
l11:
  goto l12
l12:
  goto l13
l13:
  goto l14
l14:
  goto l15
l15:
  exit
