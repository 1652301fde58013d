/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: endless
 *
 * A counter of 8 bits that is to run to 255 inclusively and never gets behind it.
 */
#define LAST 255
#include "count-u8.c"
