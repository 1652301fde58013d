# title: a key above the frame pointer, read by a helper
# checker: refuses
# own checks: refuses
# prevail: accepts
# run: faults BPF-R001
# verdict: rejected
# seed: 58638523119218034
.kind filter
.map buffers hash 4 4096 8
fn f0:
  r1 = *(u32*)(r1 + 16)
  *(u32*)(r10 - 4) = r1
  r2 = r10
  r2 += -1
  r1 = map 0
  call 1
  r1 = 0x4141414141414141 ll
  w0 = w1
  exit
