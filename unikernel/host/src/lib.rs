//! bpfclick: the Click dataplane as a Linux process.
