# title: an access behind a loop
# checker: refuses
# own checks: accepts
# prevail: refuses
# run: not run
# verdict: rejected
# seed: 1
.kind filter
  w0 = 0
  r2 = *(u64*)(r1 + 8)
  r1 = *(u64*)(r1 + 0)
  r3 = r1
  r3 += 34
  if r3 > r2 goto out
  r2 = 0
  r3 = 0
loop:
  r4 = r1
  r4 += r2
  w4 = *(u8*)(r4 + 0)
  r3 = r4
  r2 += 1
  if r2 == 10 goto done
  goto loop
done:
  w0 = *(u8*)(r1 + 1000)
out:
  exit
