# title: a store to read-only data
# checker: refuses
# own checks: refuses
# prevail: accepts
# run: ends well
# verdict: rejected
# seed: 1
.kind filter
.data .rodata 0102030405060708
  r1 = data 0 + 0
  *(u64*)(r1 + 0) = 1
  r0 = 0
  exit
