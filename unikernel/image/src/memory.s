# What compiled code expects of a C library: copying, filling and comparing memory. In assembly, since
# compilers turn loops that do this into calls of these functions.

.section .text.memory, "ax", @progbits

# void *memmove(void *to, const void *from, size_t len): all is read before it is overwritten.
.global memmove
memmove:
    mov rax, rdi
    sub rax, rsi
    cmp rax, rdx
    jae memcpy                  # `to` is not within `from`: upwards
    cmp rdx, 16
    jb 7f
    mov rax, rdi
    movups xmm1, [rsi]
1:  movups xmm0, [rsi + rdx - 16]
    movups [rdi + rdx - 16], xmm0
    sub rdx, 16
    cmp rdx, 16
    ja 1b
    movups [rdi], xmm1
    ret

# void *memcpy(void *to, const void *from, size_t len); may also be used to copy to what lies below.
.global memcpy
memcpy:
    cmp rdx, 16
    jb 7f
    mov rax, rdi
    movups xmm1, [rsi + rdx - 16]
    lea r8, [rdx - 16]
    xor ecx, ecx
2:  cmp rcx, r8
    jae 3f
    movups xmm0, [rsi + rcx]
    movups [rdi + rcx], xmm0
    add rcx, 16
    jmp 2b
3:  movups [rdi + r8], xmm1
    ret
7:  mov rax, rdi                # fewer than 16
    cmp rdx, 8
    jae 6f
    cmp rdx, 4
    jae 5f
    test rdx, rdx
    je 4f
    movzx ecx, byte ptr [rsi]
    movzx r8d, byte ptr [rsi + rdx - 1]
    shr rdx
    movzx r9d, byte ptr [rsi + rdx]
    mov [rdi + rdx], r9b
    adc rdx, rdx                # the length again
    mov [rdi], cl
    mov [rdi + rdx - 1], r8b
4:  ret
5:  mov ecx, [rsi]
    mov r8d, [rsi + rdx - 4]
    mov [rdi], ecx
    mov [rdi + rdx - 4], r8d
    ret
6:  mov rcx, [rsi]
    mov r8, [rsi + rdx - 8]
    mov [rdi], rcx
    mov [rdi + rdx - 8], r8
    ret

# void *memset(void *to, int value, size_t len)
.global memset
memset:
    mov rax, rdi
    movzx esi, sil
    movabs rcx, 0x0101010101010101
    imul rsi, rcx
    cmp rdx, 16
    jb 4f
    movq xmm0, rsi
    punpcklqdq xmm0, xmm0
    lea r8, [rdi + rdx - 16]
3:  movups [rdi], xmm0
    add rdi, 16
    cmp rdi, r8
    jb 3b
    movups [r8], xmm0
    ret
4:  test rdx, rdx
    je 6f
5:  mov [rdi + rdx - 1], sil
    dec rdx
    jne 5b
6:  ret

# int bcmp(const void *, const void *, size_t); int memcmp(...): the sign of the first difference.
.global bcmp
.global memcmp
bcmp:
memcmp:
    xor ecx, ecx
1:  lea r8, [rcx + 8]
    cmp r8, rdx
    ja 3f
    mov rax, [rdi + rcx]
    cmp rax, [rsi + rcx]
    jne 3f                      # the next loop finds where
    mov rcx, r8
    jmp 1b
3:  cmp rcx, rdx
    jae 4f
    movzx eax, byte ptr [rdi + rcx]
    movzx r8d, byte ptr [rsi + rcx]
    inc rcx
    sub eax, r8d
    je 3b
    ret
4:  xor eax, eax
    ret

# size_t strlen(const char *)
.global strlen
strlen:
    xor eax, eax
1:  cmp byte ptr [rdi + rax], 0
    je 2f
    inc rax
    jmp 1b
2:  ret
.text
