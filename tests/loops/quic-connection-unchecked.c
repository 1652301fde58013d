/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: out-of-bounds
 *
 * Takes the length of the identifier from the packet, up to 255, for 20 bytes of the stack.
 */
#define UNCHECKED 1
#include "quic-connection.c"
