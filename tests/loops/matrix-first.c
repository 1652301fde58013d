/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kind: filter
 * verdict: unsafe
 * cause: uninitialised
 *
 * Leaves out row and column 0 of a product and reads its diagonal from element 0.
 */
#define FIRST 1
#include "matrix.c"
