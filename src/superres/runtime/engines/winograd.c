/* 3x3 convolutions by Winograd's algorithm, F(4x4, 3x3), for AVX2.

   Values have their channels side by side in eights: (C / 8, rows, columns, 8). A tile of 4x4 results needs 36
   multiply-adds for each pair of channels instead of 144, one at each of 36 places of a transformed tile: at each place
   they are one matrix product over the channels (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
   2016). The transforms are Cook and Toom's at the points 0, +-1/sqrt 2, +-sqrt 2 and infinity, which round less than the
   usual 0, +-1, +-2 and infinity (Barabasz and others, "Error Analysis and Improving the Accuracy of Winograd
   Convolution for Deep Neural Networks", 2020).

   Some tiles are taken at a time, so that all of them, transformed, stay in the second cache. Nothing is copied before:
   what is read is named by a pointer for each row of each eight channels. */

#include <cpuid.h>
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef _WIN32
#define SHOWN __declspec(dllexport)
#else
#define SHOWN __attribute__((visibility("default")))
#endif

#define PLACES 36
#define ONCE 6    /* tiles that a product takes at once: 2 x 6 sums, 2 weights and a factor fill the registers */
#define LINE 16   /* floats of a line of the cache: places begin an odd number of lines apart, so that they do not collide */
#define NEAR 0.70710678118654752 /* the points that are not 0 or infinity, and their negatives */
#define FAR 1.41421356237309505

typedef __m256 vec;

static inline vec all(double value) { return _mm256_set1_ps((float)value); }

/* Whether this processor, and the system for its wide registers, have what the code was compiled for: AVX2 and FMA.
   Asked of the processor itself: what compilers offer for it is empty in some of them. */
SHOWN int winograd_runs(void) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (bit_OSXSAVE | bit_FMA)) != (bit_OSXSAVE | bit_FMA)) return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2) != 0;
}

/* Floats between two places of so many tiles and groups of eight channels. */
static size_t place_step(long tiles, long groups) { return (size_t)tiles * groups * 8 + LINE; }

/* Floats that winograd_convolve needs to work in. */
SHOWN size_t winograd_room(long tiles, long groups_in, long groups_out) {
    return PLACES * (place_step(tiles, groups_in) + place_step(tiles, groups_out));
}

/* Weights (out, in, 3, 3) as winograd_convolve takes them: for each place, for each sixteen (at last, eight) channels of
   the result, (in, 16). In double precision. 36 * out * in floats, aligned to 32 bytes. */
SHOWN void winograd_weights(const float *weight, long out, long in, float *made) {
    const double points[5] = {0, NEAR, -NEAR, FAR, -FAR};
    double row[6][3];
    for (int i = 0; i < 5; i++) {
        double scale = 1;
        for (int j = 0; j < 5; j++)
            if (j != i) scale *= points[i] - points[j];
        for (int k = 0; k < 3; k++) row[i][k] = (k == 0 ? 1 : k == 1 ? points[i] : points[i] * points[i]) / scale;
    }
    row[5][0] = row[5][1] = 0, row[5][2] = 1;
    for (long first = 0; first < out; first += 16) {
        long wide = out - first < 16 ? out - first : 16;
        for (long c = 0; c < in; c++) {
            double w[9][16] = {{0}}, half[6][3][16];
            for (long o = 0; o < wide; o++)
                for (int k = 0; k < 9; k++) w[k][o] = weight[((first + o) * in + c) * 9 + k];
            for (int i = 0; i < 6; i++)
                for (int k = 0; k < 3; k++)
                    for (int o = 0; o < 16; o++)
                        half[i][k][o] = row[i][0] * w[k][o] + row[i][1] * w[3 + k][o] + row[i][2] * w[6 + k][o];
            for (int p = 0; p < PLACES; p++) {
                const double(*h)[16] = half[p / 6], *r = row[p % 6];
                float *at = made + ((size_t)p * out + first) * in + c * wide, ready[16];
                for (int o = 0; o < 16; o++) ready[o] = (float)(h[0][o] * r[0] + h[1][o] * r[1] + h[2][o] * r[2]);
                memcpy(at, ready, wide * sizeof *at);
            }
        }
    }
}

/* One axis of a tile, six values, to the six places. */
static inline void to_places(const vec d[6], vec made[6]) {
    vec near = all(NEAR), far = all(FAR), half = all(0.5), two = all(2.0), sum = all(2.5);
    vec even_near = _mm256_fnmadd_ps(two, d[2], d[4]), odd_near = _mm256_fnmadd_ps(two, d[1], d[3]);
    vec even_far = _mm256_fnmadd_ps(half, d[2], d[4]), odd_far = _mm256_fnmadd_ps(half, d[1], d[3]);
    made[0] = _mm256_fnmadd_ps(sum, d[2], _mm256_add_ps(d[0], d[4]));
    made[1] = _mm256_fmadd_ps(near, odd_near, even_near);
    made[2] = _mm256_fnmadd_ps(near, odd_near, even_near);
    made[3] = _mm256_fmadd_ps(far, odd_far, even_far);
    made[4] = _mm256_fnmadd_ps(far, odd_far, even_far);
    made[5] = _mm256_fnmadd_ps(sum, d[3], _mm256_add_ps(d[1], d[5]));
}

/* One axis of six places back to four results. */
static inline void from_places(const vec m[6], vec made[4]) {
    vec sum_near = _mm256_add_ps(m[1], m[2]), less_near = _mm256_sub_ps(m[1], m[2]);
    vec sum_far = _mm256_add_ps(m[3], m[4]), less_far = _mm256_sub_ps(m[3], m[4]);
    made[0] = _mm256_add_ps(_mm256_add_ps(m[0], sum_near), sum_far);
    made[1] = _mm256_fmadd_ps(all(FAR), less_far, _mm256_mul_ps(all(NEAR), less_near));
    made[2] = _mm256_fmadd_ps(all(2.0), sum_far, _mm256_mul_ps(all(0.5), sum_near));
    made[3] = _mm256_fmadd_ps(all(2 * FAR), less_far, _mm256_fmadd_ps(all(NEAR / 2), less_near, m[5]));
}

/* Tiles of one layer, in their order: rows of tiles, one after the other. */
typedef struct {
    long width, height, across, first, count;
} Tiles;

/* Six rows of six pixels from (y - 1, x - 1) on, nought where there are none; `edge` is memory for them. */
static inline void read_tile(const float *const *rows, const Tiles *tiles, long y, long x, float *edge, const float **made) {
    long left = x > 0 ? 0 : 1, right = tiles->width - x + 1 < 6 ? tiles->width - x + 1 : 6;
    long bottom = tiles->height - y + 2 < 6 ? tiles->height - y + 2 : 6;
    if (!left && right == 6 && bottom == 6) {
        for (int i = 0; i < 6; i++) made[i] = rows[y + i] + (x - 1) * 8;
        return;
    }
    memset(edge, 0, 6 * 6 * 8 * sizeof *edge);
    for (int i = 0; i < 6; i++) {
        made[i] = edge + i * 48;
        if (i < bottom) memcpy(edge + i * 48 + left * 8, rows[y + i] + (x - 1 + left) * 8, (right - left) * 8 * sizeof *edge);
    }
}

static void transform(const float *const *rows, const Tiles *tiles, float *made, size_t step) {
    long y = tiles->first / tiles->across * 4, x = tiles->first % tiles->across * 4;
    float edge[6 * 6 * 8] __attribute__((aligned(32)));
    for (long tile = 0; tile < tiles->count; tile++, made += 8) {
        const float *source[6];
        vec half[6][6];
        read_tile(rows, tiles, y, x, edge, source);
        for (int j = 0; j < 6; j++) {
            vec column[6], places[6];
            for (int i = 0; i < 6; i++) column[i] = _mm256_loadu_ps(source[i] + j * 8);
            to_places(column, places);
            for (int i = 0; i < 6; i++) half[i][j] = places[i];
        }
        for (int i = 0; i < 6; i++) {
            vec places[6];
            to_places(half[i], places);
            for (int j = 0; j < 6; j++) _mm256_store_ps(made + (i * 6 + j) * step, places[j]);
        }
        x += 4;
        if (x >= tiles->across * 4) x = 0, y += 4;
    }
}

/* The sums have names of their own: some compilers keep an array of them in memory. */
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#define NONE(t) vec sum##t = _mm256_setzero_ps(), more##t = _mm256_setzero_ps();
#define ADD(t)                                             \
    {                                                      \
        vec factor = _mm256_broadcast_ss(tile + t * 8 + c); \
        sum##t = _mm256_fmadd_ps(one, factor, sum##t);     \
        more##t = _mm256_fmadd_ps(other, factor, more##t); \
    }
#define ADD_ONE(t) sum##t = _mm256_fmadd_ps(one, _mm256_broadcast_ss(tile + t * 8 + c), sum##t);
#define PUT(t) _mm256_store_ps(made + t * 8, sum##t);
#define PUT_MORE(t) _mm256_store_ps(made + step + t * 8, more##t);

/* Six tiles times sixteen channels of the result: `groups` times eight channels are added up. */
static void product(const float *weight, const float *tile, float *made, long groups, size_t step) {
    EACH(NONE)
    for (long group = 0; group < groups; group++, tile += step)
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++, weight += 16) {
            vec one = _mm256_load_ps(weight), other = _mm256_load_ps(weight + 8);
            EACH(ADD)
        }
    EACH(PUT)
    EACH(PUT_MORE)
}

/* As `product`, for eight channels of the result. */
static void narrow_product(const float *weight, const float *tile, float *made, long groups, size_t step) {
    EACH(NONE)
    for (long group = 0; group < groups; group++, tile += step)
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++, weight += 8) {
            vec one = _mm256_load_ps(weight);
            EACH(ADD_ONE)
        }
    EACH(PUT)
    (void)more0, (void)more1, (void)more2, (void)more3, (void)more4, (void)more5;
}

static void finish(const float *places, const Tiles *tiles, size_t step, vec bias, vec slope, float *made) {
    long y = tiles->first / tiles->across * 4, x = tiles->first % tiles->across * 4;
    for (long tile = 0; tile < tiles->count; tile++, places += 8) {
        vec half[4][6], zero = _mm256_setzero_ps();
        for (int j = 0; j < 6; j++) {
            vec column[6], back[4];
            for (int i = 0; i < 6; i++) column[i] = _mm256_load_ps(places + (i * 6 + j) * step);
            from_places(column, back);
            for (int i = 0; i < 4; i++) half[i][j] = back[i];
        }
        long high = tiles->height - y < 4 ? tiles->height - y : 4, wide = tiles->width - x < 4 ? tiles->width - x : 4;
        for (int i = 0; i < high; i++) {
            vec back[4];
            from_places(half[i], back);
            for (int j = 0; j < 4; j++) {
                vec value = _mm256_add_ps(back[j], bias), low = _mm256_min_ps(value, zero);
                value = _mm256_fmadd_ps(slope, low, _mm256_max_ps(value, zero));
                if (j < wide) _mm256_storeu_ps(made + ((y + i) * tiles->width + x + j) * 8, value);
            }
        }
        x += 4;
        if (x >= tiles->across * 4) x = 0, y += 4;
    }
}

/* Rows that lie in one piece of memory: those from `row` on of the channels from 8 * `group` on. Steps are in bytes. */
typedef struct {
    int64_t memory, group, row, groups, rows, group_step, row_step;
} Piece;

/* The convolution, one row and column of nought around, then max(value, 0) + slope * min(value, 0).

   pieces    hold, for each eight channels, height + 2 rows: the one above the result's first to the one below its last.
             Columns outside are nought.
   rows      memory for groups_in * (height + 2) pointers
   weight    of winograd_weights
   bias, slope  one for each channel of the result
   made      (groups_out, height, width, 8)
   room      winograd_room floats, aligned to 64 bytes
   tiles     how many are taken at a time, a multiple of 6 */
SHOWN void winograd_convolve(const Piece *pieces, long count, const float **rows, long width, long height, long groups_in,
                             long groups_out, const float *weight, const float *bias, const float *slope, float *made,
                             float *room, long tiles) {
    for (const Piece *one = pieces; one < pieces + count; one++)
        for (int64_t group = 0; group < one->groups; group++)
            for (int64_t row = 0; row < one->rows; row++)
                rows[(one->group + group) * (height + 2) + one->row + row] =
                    (const float *)(intptr_t)(one->memory + group * one->group_step + row * one->row_step);
    long across = (width + 3) / 4, total = across * ((height + 3) / 4);
    size_t step = (size_t)tiles * 8, step_in = place_step(tiles, groups_in), step_out = place_step(tiles, groups_out);
    float *before = room, *after = room + PLACES * step_in;
    for (long first = 0; first < total; first += tiles) {
        Tiles now = {width, height, across, first, total - first < tiles ? total - first : tiles};
        for (long group = 0; group < groups_in; group++)
            transform(rows + group * (height + 2), &now, before + group * step, step_in);
        const float *at = weight;
        for (int place = 0; place < PLACES; place++) {
            const float *from = before + place * step_in;
            float *to = after + place * step_out;
            for (long group = 0; group < groups_out; group += 2) {
                long wide = groups_out - group < 2 ? 8 : 16;
                for (long tile = 0; tile < now.count; tile += ONCE)
                    (wide == 16 ? product : narrow_product)(at, from + tile * 8, to + group * step + tile * 8, groups_in, step);
                at += groups_in * 8 * wide;
            }
        }
        for (long group = 0; group < groups_out; group++)
            finish(after + group * step, &now, step_out, _mm256_loadu_ps(bias + group * 8),
                   _mm256_loadu_ps(slope + group * 8), made + (size_t)group * height * width * 8);
    }
}
