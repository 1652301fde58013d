/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: endless
 *
 * Doubles a byte until it is above 1,000, which zero never is.
 */
#define ZERO 1
#include "do-while.c"
