/* Sums of values, and values enlarged: what stands between the convolutions of a network. */

#include "vector.h"

static inline __m256 bent8(__m256 value, __m256 slope) {
    __m256 zero = _mm256_setzero_ps();
    return _mm256_fmadd_ps(slope, _mm256_min_ps(value, zero), _mm256_max_ps(value, zero));
}

/* A row of the sum of `inputs` rows, times a factor and with a bias, bent; `constants` are eight of each. */
static void sum_row(const float *const *from, long inputs, long count, const __m256 constants[3], float *made) {
    for (long at = 0; at < count; at += 8) {
        long left = count - at < 8 ? count - at : 8;
        __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        __m256 value = _mm256_maskload_ps(from[0] + at, mask);
        for (long i = 1; i < inputs; i++) value = _mm256_add_ps(value, _mm256_maskload_ps(from[i] + at, mask));
        _mm256_maskstore_ps(made + at, mask, bent8(_mm256_fmadd_ps(value, constants[0], constants[1]), constants[2]));
    }
}

/* The sum of values of one shape, then (sum * factor + bias), then max(value, 0) + slope * min(value, 0).

   pieces    hold the values one after the other, `pack` channels side by side, 8 or 1
   rows      memory for inputs * groups * height pointers
   factor, bias, slope  one for each channel
   made      (groups, height, width, pack) */
SHOWN void values_add(const Piece *pieces, long count, const float **rows, long inputs, long groups, long height, long width,
                      long pack, const float *factor, const float *bias, const float *slope, float *made) {
    const float *from[16];
    find_rows(pieces, count, rows, height);
    for (long group = 0; group < groups; group++) {
        __m256 constants[3];
        for (int k = 0; k < 3; k++) {
            const float *one = (k == 0 ? factor : k == 1 ? bias : slope) + group * pack;
            constants[k] = pack == 8 ? _mm256_loadu_ps(one) : _mm256_set1_ps(*one);
        }
        for (long y = 0; y < height; y++, made += width * pack) {
            for (long i = 0; i < inputs; i++) from[i] = rows[(i * groups + group) * height + y];
            sum_row(from, inputs, width * pack, constants, made);
        }
    }
}

/* Each pixel `factor` times along both axes, of `pack` channels side by side: (groups, height * factor, width * factor, pack). */
SHOWN void values_repeat(const Piece *pieces, long count, const float **rows, long groups, long height, long width, long pack,
                         long factor, float *made) {
    find_rows(pieces, count, rows, height);
    for (long group = 0; group < groups; group++)
        for (long y = 0; y < height; y++) {
            const float *from = rows[group * height + y];
            size_t line = (size_t)(width * factor * pack);
            for (long x = 0; x < width; x++)
                for (long i = 0; i < factor; i++)
                    for (long c = 0; c < pack; c++) made[(x * factor + i) * pack + c] = from[x * pack + c];
            for (long i = 1; i < factor; i++) memcpy(made + i * line, made, line * sizeof *made);
            made += factor * line;
        }
}
