/* Convolutions of any kernel as they are defined, where Winograd's algorithm does not help: few channels, or not 3x3.

   Values have their channels side by side in eights, (C / 8, rows, columns, 8), or lie apart, (C, rows, columns). A few
   pixels of a row are taken at once, and their sums stay in registers while all taps of all channels are added. Each
   register holds channels of the result; where these are few, channels of what is read, which are added up at the end. */

#include "vector.h"

/* Of one convolution: `pack` channels lie side by side in what is read; `in` and `out` are channels, `height` the rows
   that are made, `taps_x` and `taps_y` the kernel's sides, an odd number across. */
typedef struct {
    int64_t pack, in, out, width, height, taps_x, taps_y, dilation;
} Direct;

static long rows_of(const Direct *d) { return d->height + (d->taps_y - 1) * d->dilation; }
static long lines_of(const Direct *d) { return d->in / d->pack * d->taps_y; }
static long columns_of(const Direct *d) { return ONCE + (d->taps_x - 1) * d->dilation; }

/* Floats that direct_weights makes. */
SHOWN size_t direct_size(const Direct *d) { return (size_t)(d->in * d->taps_x * d->taps_y * wides(d->out) * WIDE); }

/* Floats that as many pointers to all rows and lines take, to a multiple of 64 bytes. */
static size_t pointers(const Direct *d) {
    size_t count = (size_t)(d->in / d->pack * rows_of(d) + lines_of(d));
    return (count * sizeof(float *) + 63) / 64 * 64 / sizeof(float);
}

/* Floats that direct_convolve needs to work in. */
SHOWN size_t direct_room(const Direct *d) {
    return pointers(d) + 2 * ONCE * WIDE + (size_t)(lines_of(d) * columns_of(d) * d->pack);
}

/* Channels of the result that are few. */
#define FEW 4
static int is_few(const Direct *d) { return d->pack == 8 && d->out <= FEW; }

/* Weights (out, in, taps_y, taps_x) in the order in which direct_convolve takes them: for each two registers (at last,
   one) of channels of the result, (in / pack, taps_y, taps_x, pack, 2 * WIDE), nought where there are no more channels;
   where they are few, (in / 8, taps_y, taps_x, out, 8). Aligned to 64 bytes. */
SHOWN void direct_weights(const Direct *d, const float *weight, float *made) {
    long taps = d->taps_x * d->taps_y, whole = wides(d->out) * WIDE;
    for (long group = 0; is_few(d) && group < d->in / 8; group++)
        for (long tap = 0; tap < taps; tap++)
            for (long o = 0; o < d->out; o++)
                for (long c = 0; c < 8; c++) *made++ = weight[(o * d->in + group * 8 + c) * taps + tap];
    for (long first = 0; !is_few(d) && first < whole; first += 2 * WIDE) {
        long wide = whole - first < 2 * WIDE ? WIDE : 2 * WIDE;
        for (long group = 0; group < d->in / d->pack; group++)
            for (long tap = 0; tap < taps; tap++)
                for (long c = 0; c < d->pack; c++)
                    for (long o = first; o < first + wide; o++)
                        *made++ = o < d->out ? weight[(o * d->in + group * d->pack + c) * taps + tap] : 0;
    }
}

#define FACTOR(t) line[(t)*pack + c]
#define PUT(t) OP(store_ps)(made + t * WIDE, sum##t);
#define PUT_MORE(t) OP(store_ps)(made + (ONCE + t) * WIDE, more##t);

/* ONCE pixels times two registers of channels of the result; `lines` are the taps' rows from the first column on that the
   first pixel reads. `made` is (2, ONCE, WIDE). */
static inline __attribute__((always_inline)) void product(const Direct *d, const float *const *lines, long count, int pack,
                                                          const float *weight, float *made) {
    EACH(NONE)
    for (long at = 0; at < count; at++)
        for (long x = 0; x < d->taps_x; x++) {
            const float *line = lines[at] + x * d->dilation * pack;
#pragma GCC unroll 8
            for (int c = 0; c < pack; c++, weight += 2 * WIDE) {
                vec one = OP(load_ps)(weight), other = OP(load_ps)(weight + WIDE);
                EACH(ADD)
            }
        }
    EACH(PUT)
    EACH(PUT_MORE)
}

/* As `product`, for one register of channels of the result. */
static inline __attribute__((always_inline)) void narrow_product(const Direct *d, const float *const *lines, long count,
                                                                 int pack, const float *weight, float *made) {
    EACH(NONE)
    for (long at = 0; at < count; at++)
        for (long x = 0; x < d->taps_x; x++) {
            const float *line = lines[at] + x * d->dilation * pack;
#pragma GCC unroll 8
            for (int c = 0; c < pack; c++, weight += WIDE) {
                vec one = OP(load_ps)(weight);
                EACH(ADD_ONE)
            }
        }
    EACH(PUT)
    EACH(UNUSED)
}

/* With `pack` known to the compiler. */
#define KNOWN(name, do, pack)                                                                             \
    static void name(const Direct *d, const float *const *lines, const float *weight, float *made) {     \
        do(d, lines, lines_of(d), pack, weight, made);                                                    \
    }
KNOWN(of_eights, product, 8)
KNOWN(narrow_of_eights, narrow_product, 8)
KNOWN(of_ones, product, 1)
KNOWN(narrow_of_ones, narrow_product, 1)

static inline float total(__m256 v) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/* `pixels` of ONCE, from the one `first` on, times `out` channels of the result, which are few; `made` is (out, ONCE). */
static inline __attribute__((always_inline)) void few(const Direct *d, const float *const *lines, const float *weight,
                                                      long first, int pixels, int out, float *made) {
    __m256 sums[FEW][6];
    for (int o = 0; o < out; o++)
        for (int t = 0; t < pixels; t++) sums[o][t] = _mm256_setzero_ps();
    for (long at = 0, count = lines_of(d); at < count; at++)
        for (long x = 0; x < d->taps_x; x++, weight += out * 8) {
            const float *line = lines[at] + (first + x * d->dilation) * 8;
#pragma GCC unroll 4
            for (int o = 0; o < out; o++) {
                __m256 one = _mm256_loadu_ps(weight + o * 8);
#pragma GCC unroll 6
                for (int t = 0; t < pixels; t++) sums[o][t] = _mm256_fmadd_ps(one, _mm256_loadu_ps(line + t * 8), sums[o][t]);
            }
        }
    for (int o = 0; o < out; o++)
        for (int t = 0; t < pixels; t++) made[o * ONCE + first + t] = total(sums[o][t]);
}

/* ONCE pixels, with bias and slope, to the channels of the result, which are few. */
static void put_few(const Direct *d, const float *const *lines, const float *weight, long y, long x, const float *bias,
                    const float *slope, float *made) {
    float sums[FEW * ONCE];
    int64_t count = d->width - x < ONCE ? d->width - x : ONCE, plane = d->height * d->width, at = y * d->width + x;
    for (long first = 0; first < count; first += d->out < 3 ? 6 : 3) switch (d->out) {
        case 1: few(d, lines, weight, first, 6, 1, sums); break;
        case 2: few(d, lines, weight, first, 6, 2, sums); break;
        case 3: few(d, lines, weight, first, 3, 3, sums); break;
        default: few(d, lines, weight, first, 3, 4, sums);
        }
    for (long o = 0; o < d->out; o++)
        for (long t = 0; t < count; t++) {
            float value = sums[o * ONCE + t] + bias[o];
            made[o * plane + at + t] = value > 0 ? value : slope[o] * value;
        }
}

/* The taps' rows for ONCE pixels of the row y from the column x on: as they lie in memory, or, where they go past the
   picture, copied to `edge` with nought around. */
static void find_lines(const Direct *d, const float *const *rows, long y, long x, const float **lines, float *edge) {
    long reach = (d->taps_x - 1) / 2 * d->dilation, columns = columns_of(d), start = x - reach, stop = start + columns;
    long left = start < 0 ? -start : 0, right = stop > d->width ? d->width - start : columns, pack = d->pack;
    int within = !left && right == columns;
    for (long group = 0; group < d->in / d->pack; group++)
        for (long tap = 0; tap < d->taps_y; tap++, lines++) {
            const float *row = rows[group * rows_of(d) + y + tap * d->dilation];
            *lines = within ? row + start * pack : edge;
            if (within) continue;
            memset(edge, 0, columns * pack * sizeof *edge);
            memcpy(edge + left * pack, row + (start + left) * pack, (right - left) * pack * sizeof *edge);
            edge += columns * pack;
        }
}

/* Up to ONCE pixels, (ONCE, WIDE), with bias and slope to the channels from the register `one` on. */
static void put(const Direct *d, const float *sums, long one, long y, long x, vec bias, vec slope, float *made) {
    int64_t count = d->width - x < ONCE ? d->width - x : ONCE, plane = d->height * d->width, at = y * d->width + x;
    if (d->out % 8) { /* channels apart */
        float ready[ONCE * WIDE] __attribute__((aligned(64)));
        for (long t = 0; t < count; t++) OP(store_ps)(ready + t * WIDE, bent(OP(add_ps)(OP(load_ps)(sums + t * WIDE), bias), slope));
        for (long o = 0; o < WIDE && one * WIDE + o < d->out; o++)
            for (long t = 0; t < count; t++) made[(one * WIDE + o) * plane + at + t] = ready[t * WIDE + o];
        return;
    }
    float *to[EIGHTS];
    for (long e = 0; e < EIGHTS; e++) to[e] = one * WIDE + e * 8 < d->out ? made + (one * EIGHTS + e) * plane * 8 : NULL;
    for (long t = 0; t < count; t++) scattered(bent(OP(add_ps)(OP(load_ps)(sums + t * WIDE), bias), slope), to, (at + t) * 8);
}

/* The convolution, nought left and right of the picture, then max(value, 0) + slope * min(value, 0).

   pieces    hold, for each group of channels that lie side by side, the rows from the first tap of the first row that is
             made to the last tap of the last
   weight    of direct_weights
   bias, slope  one for each channel of the result, and nought to a multiple of WIDE
   made      (out / 8, height, width, 8), or (out, height, width) where `out` is no multiple of eight
   room      direct_room floats, aligned to 64 bytes
   begin, end  which rows are made: others may be made elsewhere at the same time */
SHOWN void direct_convolve(const Direct *d, const Piece *pieces, long count, const float *weight, const float *bias,
                           const float *slope, float *made, float *room, long begin, long end) {
    const float **lines = (const float **)room, **rows = lines + lines_of(d);
    float *sums = room + pointers(d), *edge = sums + 2 * ONCE * WIDE;
    find_rows(pieces, count, rows, rows_of(d));
    for (long y = begin; y < end; y++)
        for (long x = 0; x < d->width; x += ONCE) {
            const float *at = weight;
            find_lines(d, rows, y, x, lines, edge);
            if (is_few(d)) {
                put_few(d, lines, weight, y, x, bias, slope, made);
                continue;
            }
            for (long one = 0; one < wides(d->out); one += 2) {
                int both = one + 1 < wides(d->out);
                if (d->pack == 8)
                    (both ? of_eights : narrow_of_eights)(d, lines, at, sums);
                else
                    (both ? of_ones : narrow_of_ones)(d, lines, at, sums);
                at += d->in * d->taps_x * d->taps_y * (both ? 2 * WIDE : WIDE);
                for (long part = 0; part <= both; part++)
                    put(d, sums + part * ONCE * WIDE, one + part, y, x, OP(loadu_ps)(bias + (one + part) * WIDE),
                        OP(loadu_ps)(slope + (one + part) * WIDE), made);
            }
        }
}
