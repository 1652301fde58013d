# Gates for the processor's exceptions: all registers that a Rust function may change are kept on the stack
# of the gate, with the exception's number and code, for `handle_trap`. Most never return.

.macro GATE number, code
gate_\number:
  .if \code == 0
    push 0
  .endif
    push \number
    jmp handle_gate
.endm

.section .text.traps, "ax", @progbits
.irp number, 0,1,2,3,4,5,6,7,9,15,16,18,19,20,22,23,24,25,26,27,28,31
GATE \number, 0
.endr
.irp number, 8,10,11,12,13,14,17,21,29,30
GATE \number, 1
.endr

handle_gate:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    cld
    mov rdi, rsp                # 16 quadwords below the top of the stack: aligned
    call handle_trap
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 16
    iretq

.section .data.rel.ro.gates, "aw", @progbits
.global gates
.align 8
gates:
.irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    .quad gate_\number
.endr
.text
