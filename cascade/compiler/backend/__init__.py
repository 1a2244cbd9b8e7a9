"""Where numba comes in: from kernels to machine code. Only a process that compiles imports what is in here."""
