//! Admission of signed eBPF programs: every check between a file and a running program.
