# From the start of the machine to the kernel's first Rust function.
#
# The machine starts here by the PVH protocol (Xen's `docs/misc/pvh.pandoc`): 32-bit mode without paging,
# `ebx` holds the physical address of an `hvm_start_info`. What is needed for 64-bit mode is set up, with
# page tables that are good for nothing else: the first GiB where it is and at KERNEL, and the first 4 GiB at
# WINDOW. The kernel makes better ones at once.

.set KERNEL, 0xffffffff80000000

.section .note.Xen, "a", @note
.align 4
.long 4                         # bytes of the name
.long 8                         # bytes of the description
.long 18                        # XEN_ELFNOTE_PHYS32_ENTRY
.asciz "Xen"
.quad pvh_start

.section .start, "ax", @progbits
.code32
.global pvh_start
pvh_start:
    cli
    cld
    mov esi, ebx

    # The processor has 64-bit mode and the NX bit, or this ends here: nothing can be said yet.
    mov eax, 0x80000001
    cpuid
    and edx, 0x20100000         # LM | NX
    cmp edx, 0x20100000
    jne 9f

    # The tables' memory holds zeros: loaders clear what a segment has beyond its file.
    mov eax, offset low_table
    or eax, 3                   # present, writable
    mov dword ptr [top_table], eax
    mov dword ptr [top_table + 256 * 8], eax
    mov eax, offset high_table
    or eax, 3
    mov dword ptr [top_table + 511 * 8], eax
    mov eax, offset directories
    or eax, 3
    mov dword ptr [high_table + 510 * 8], eax
    xor ecx, ecx
1:  mov dword ptr [low_table + ecx * 8], eax
    add eax, 4096
    inc ecx
    cmp ecx, 4
    jne 1b
    mov eax, 0x83               # present, writable, 2 MiB
    xor ecx, ecx
2:  mov dword ptr [directories + ecx * 8], eax
    add eax, 0x200000
    inc ecx
    cmp ecx, 2048
    jne 2b

    mov eax, offset top_table
    mov cr3, eax
    mov eax, cr4
    or eax, 0x620               # PAE | OSFXSR | OSXMMEXCPT
    mov cr4, eax
    mov ecx, 0xc0000080         # EFER
    rdmsr
    or eax, 0x900               # LME | NXE
    wrmsr
    mov eax, cr0
    and eax, 0xfffffffb         # not EM
    or eax, 0x80010022          # PG | WP | NE | MP
    mov cr0, eax
    lgdt [descriptors_register]
    ljmp 8, offset long_mode

9:  hlt
    jmp 9b

.code64
long_mode:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    xor eax, eax
    mov fs, ax
    mov gs, ax
    movabs rax, offset enter_kernel
    jmp rax

.align 8
descriptors:
    .quad 0
    .quad 0x00af9b000000ffff    # 64-bit code
    .quad 0x00cf93000000ffff    # data
descriptors_register:
    .short 23
    .long descriptors
    .long 0

.section .tables, "aw", @nobits
.align 4096
top_table: .skip 4096
low_table: .skip 4096
high_table: .skip 4096
directories: .skip 16384

.section .text.enter, "ax", @progbits
enter_kernel:
    lea rsp, [rip + stack_top]
    mov edi, esi
    xor ebp, ebp
    call start_kernel
    ud2

# Stacks grow downwards; what lies below each is not mapped.
.section .stacks, "aw", @nobits
.align 4096
.global stack_guard
stack_guard: .skip 4096
.skip 0x40000
.global stack_top
stack_top:
.global trap_stack_guard
trap_stack_guard: .skip 4096
.skip 0x4000
.global trap_stack_top
trap_stack_top:
.global double_fault_stack_guard
double_fault_stack_guard: .skip 4096
.skip 0x4000
.global double_fault_stack_top
double_fault_stack_top:
.text
