/* What the kernels were compiled for. */

#include <cpuid.h>

#include "vector.h"

/* Whether this processor, and the system for its wide registers, have it. Asked of the processor itself: what compilers
   offer for it is empty in some of them. */
SHOWN int kernels_run(void) {
    unsigned a, b, c, d, low, high, wanted = bit_AVX2, saved = 6;
#ifdef __AVX512F__
    wanted |= bit_AVX512F, saved |= 0xe0;
#endif
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (bit_OSXSAVE | bit_FMA)) != (bit_OSXSAVE | bit_FMA)) return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & saved) == saved && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & wanted) == wanted;
}

/* Pixels or tiles that are taken at a time are a multiple of it. */
SHOWN long kernels_once(void) { return ONCE; }
