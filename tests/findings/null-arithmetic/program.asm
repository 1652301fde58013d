# title: arithmetic on the result of a lookup before its test
# checker: refuses
# own checks: refuses
# prevail: accepts
# run: faults BPF-R001
# verdict: rejected
# seed: 1
.kind filter
.map buffers hash 4 4096 8
  *(u32*)(r10 - 4) = 1
  r2 = r10
  r2 += -4
  r1 = map 0
  call 1
  r0 += 2048
  if r0 == 0 goto out
  r1 = 4702111234474983745 ll
  *(u64*)(r0 + 0) = r1
out:
  r0 = 0
  exit
