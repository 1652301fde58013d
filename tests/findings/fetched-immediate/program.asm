# title: a comparison of what an atomic operation fetched
# checker: refuses
# own checks: accepts
# prevail: accepts
# run: faults BPF-R002
# verdict: undecided
# seed: 5972163234326424946
.kind rewriter
fn f0:
  *(u64*)(r10 - 16) = -1
  r1 = 7
  lock *(u64*)(r10 - 16) fetch^= r1
  if r1 >= 128 goto L6
  r0 = 0
L6:
  exit
