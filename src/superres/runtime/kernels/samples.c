/* What a network made, as the samples of a picture. */

#include "vector.h"

/* One line of a pixel shuffle: `factor` values of each pixel, `pack` apart in memory from one pixel to the next, and the
   pixel of the picture that is enlarged. */
static inline __attribute__((always_inline)) void line(const float *const from[], long pack, const float *restrict picture,
                                                       long width, long factor, float *restrict made) {
    for (long x = 0; x < width; x++)
        for (long i = 0; i < factor; i++) made[x * factor + i] = from[i][x * pack] + picture[x];
}

static inline __attribute__((always_inline)) void lines(const float *const from[], long pack, const float *picture, long width,
                                                        long factor, float *made) {
    switch (factor) {
    case 2: line(from, pack, picture, width, 2, made); return;
    case 3: line(from, pack, picture, width, 3, made); return;
    default: line(from, pack, picture, width, factor, made);
    }
}

/* As `line`, for four values that lie together. */
static void fours(const float *from, long pack, const float *picture, long width, float *made) {
    for (long x = 0; x < width; x++)
        _mm_storeu_ps(made + x * 4, _mm_add_ps(_mm_loadu_ps(from + x * pack), _mm_set1_ps(picture[x])));
}

/* A pixel shuffle and the picture with each of its pixels repeated, added up.

   pieces    the values, c * factor^2 + y * factor + x, `pack` side by side
   rows      memory for a pointer to each of `height` rows of each group of them
   picture   (channels, height, width)
   made      (channels, height * factor, width * factor) */
SHOWN void samples_shuffle(const Piece *pieces, long count, const float **rows, long pack, const float *picture, long channels,
                           long height, long width, long factor, float *made) {
    find_rows(pieces, count, rows, height);
    for (long c = 0; c < channels; c++)
        for (long y = 0; y < height; y++, picture += width)
            for (long j = 0; j < factor; j++, made += width * factor) {
                const float *from[16];
                for (long i = 0; i < factor; i++) {
                    long value = (c * factor + j) * factor + i;
                    from[i] = rows[value / pack * height + y] + value % pack;
                }
                if (factor == 4 && pack % 4 == 0)
                    fours(from[0], pack, picture, width, made);
                else if (pack == 1)
                    lines(from, 1, picture, width, factor, made);
                else
                    lines(from, pack, picture, width, factor, made);
            }
}

/* Sixteen samples from 0 to 1 as bytes, clipped and rounded half up. */
static inline __m128i bytes(const float *from) {
    __m256i part[2];
    for (int k = 0; k < 2; k++) {
        __m256 value = _mm256_mul_ps(_mm256_loadu_ps(from + 8 * k), _mm256_set1_ps(255));
        value = _mm256_max_ps(_mm256_add_ps(value, _mm256_set1_ps(0.5f)), _mm256_setzero_ps());
        part[k] = _mm256_cvttps_epi32(_mm256_min_ps(value, _mm256_set1_ps(255)));
    }
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(part[0], part[1]), 0xd8);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

/* Of sixteen bytes of the result, which are a third of three channels side by side: where in its own sixteen each of one
   channel's is, and nought for the others'. */
#define FROM(channel, k) ((k) % 3 == (channel) ? (k) / 3 : -1)
#define FOUR(channel, k) FROM(channel, k), FROM(channel, k + 1), FROM(channel, k + 2), FROM(channel, k + 3)
#define THIRD(channel, k) \
    _mm_setr_epi8(FOUR(channel, k), FOUR(channel, k + 4), FOUR(channel, k + 8), FOUR(channel, k + 12))
#define THIRDS(channel) {THIRD(channel, 0), THIRD(channel, 16), THIRD(channel, 32)}

static void byte_row(const float *from, int64_t plane, long channels, long width, uint8_t *made) {
    for (long x = 0; x < width; x += 16) {
        long wide = width - x < 16 ? width - x : 16;
        for (long c = 0; c < channels; c++) {
            float last[16] = {0};
            if (wide < 16) memcpy(last, from + c * plane + x, wide * sizeof *last);
            uint8_t ready[16];
            _mm_storeu_si128((__m128i *)ready, bytes(wide < 16 ? last : from + c * plane + x));
            for (long k = 0; k < wide; k++) made[(x + k) * channels + c] = ready[k];
        }
    }
}

static void colour_row(const float *from, int64_t plane, long width, uint8_t *made) {
    const __m128i places[3][3] = {THIRDS(0), THIRDS(1), THIRDS(2)};
    long whole = width / 16 * 16;
    for (long x = 0; x < whole; x += 16) {
        __m128i r = bytes(from + x), g = bytes(from + plane + x), b = bytes(from + 2 * plane + x);
        for (int third = 0; third < 3; third++) {
            __m128i both = _mm_or_si128(_mm_shuffle_epi8(r, places[0][third]), _mm_shuffle_epi8(g, places[1][third]));
            both = _mm_or_si128(both, _mm_shuffle_epi8(b, places[2][third]));
            _mm_storeu_si128((__m128i *)(made + x * 3 + third * 16), both);
        }
    }
    byte_row(from + whole, plane, 3, width - whole, made + whole * 3);
}

/* In double precision: 65534.5 + 0.5 is not exact enough in single. */
static void word_row(const float *from, int64_t plane, long channels, long width, uint16_t *made) {
    for (long c = 0; c < channels; c++)
        for (long x = 0; x < width; x++) {
            double value = (double)from[c * plane + x] * 65535.0 + 0.5;
            made[x * channels + c] = (uint16_t)(value > 0 ? value < 65535.0 ? value : 65535.0 : 0);
        }
}

/* Samples from 0 to 1, channels apart, as bytes or, with `wide`, words, (height, width, channels), clipped and rounded half
   up. `plane` and `row` are floats from one channel and one row to the next. */
SHOWN void samples_store(const float *from, int64_t plane, int64_t row, long channels, long height, long width, int wide,
                         void *made) {
    size_t line = (size_t)width * channels;
    for (long y = 0; y < height; y++, from += row) {
        if (wide)
            word_row(from, plane, channels, width, (uint16_t *)made + y * line);
        else if (channels == 3)
            colour_row(from, plane, width, (uint8_t *)made + y * line);
        else
            byte_row(from, plane, channels, width, (uint8_t *)made + y * line);
    }
}
