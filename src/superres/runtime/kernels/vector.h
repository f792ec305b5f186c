/* What the kernels share: registers, for AVX-512 where they are compiled for it and else for AVX2, and rows in memory.

   Both kinds of processors make the same bits: each sum is over the same products in the same order. */

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef _WIN32
#define SHOWN __declspec(dllexport)
#else
#define SHOWN __attribute__((visibility("default")))
#endif

/* A register holds WIDE channels. ONCE pixels or tiles are taken at once by a product: their sums for two registers of
   channels, two of weights and a factor fill the registers. */
#ifdef __AVX512F__
typedef __m512 vec;
#define WIDE 16
#define ONCE 12
#define OP(name) _mm512_##name
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#else
typedef __m256 vec;
#define WIDE 8
#define ONCE 6
#define OP(name) _mm256_##name
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#endif
#define EIGHTS (WIDE / 8)

/* Registers for so many channels, the last one not always full. */
static inline long wides(long channels) { return (channels + WIDE - 1) / WIDE; }

static inline vec all(double value) { return OP(set1_ps)((float)value); }

/* max(value, 0) + slope * min(value, 0) */
static inline vec bent(vec value, vec slope) {
    vec zero = OP(setzero_ps)();
    return OP(fmadd_ps)(slope, OP(min_ps)(value, zero), OP(max_ps)(value, zero));
}

/* A register of channels from each eight's memory, and back to it; eights that are not there are null. */
static inline vec gathered(const float *const from[EIGHTS], long at) {
#ifdef __AVX512F__
    __m512 low = _mm512_castps256_ps512(_mm256_loadu_ps(from[0] + at));
    return _mm512_castpd_ps(_mm512_insertf64x4(_mm512_castps_pd(low), _mm256_castps_pd(_mm256_loadu_ps(from[1] + at)), 1));
#else
    return _mm256_loadu_ps(from[0] + at);
#endif
}

static inline void scattered(vec value, float *const to[EIGHTS], long at) {
#ifdef __AVX512F__
    _mm256_storeu_ps(to[0] + at, _mm512_castps512_ps256(value));
    if (to[1]) _mm256_storeu_ps(to[1] + at, _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(value), 1)));
#else
    _mm256_storeu_ps(to[0] + at, value);
#endif
}

/* Products of two registers of weights, `one` and `other`, and ONCE factors, FACTOR(t), added to sums. These have names
   of their own: some compilers keep an array of them in memory. */
#define NONE(t) vec sum##t = OP(setzero_ps)(), more##t = OP(setzero_ps)();
#define ADD(t)                                          \
    {                                                   \
        vec factor = OP(set1_ps)(FACTOR(t));            \
        sum##t = OP(fmadd_ps)(one, factor, sum##t);     \
        more##t = OP(fmadd_ps)(other, factor, more##t); \
    }
#define ADD_ONE(t) sum##t = OP(fmadd_ps)(one, OP(set1_ps)(FACTOR(t)), sum##t);
#define UNUSED(t) (void)more##t;

/* Rows that lie in one piece of memory: those from `row` on of the channels from the one `group` on, a group being what
   lies side by side. Steps are in bytes. */
typedef struct {
    int64_t memory, group, row, groups, rows, group_step, row_step;
} Piece;

/* Where each of `height` rows of each group lies. */
static inline void find_rows(const Piece *pieces, long count, const float **rows, long height) {
    for (const Piece *one = pieces; one < pieces + count; one++)
        for (int64_t group = 0; group < one->groups; group++)
            for (int64_t row = 0; row < one->rows; row++)
                rows[(one->group + group) * height + one->row + row] =
                    (const float *)(intptr_t)(one->memory + group * one->group_step + row * one->row_step);
}
