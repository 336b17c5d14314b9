// A target without a C library: leaves at once with status 0.
.globl _start
_start:
#if defined(__x86_64__)
        mov $60, %eax
        xor %edi, %edi
        syscall
#elif defined(__aarch64__)
        mov x8, #93
        mov x0, #0
        svc #0
#else
#error "write two lines for this architecture"
#endif
.section .note.GNU-stack, "", %progbits
