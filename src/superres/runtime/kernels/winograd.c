/* 3x3 convolutions by Winograd's algorithm, F(4x4, 3x3).

   Values have their channels side by side in eights: (C / 8, rows, columns, 8). A tile of 4x4 results needs 36
   multiply-adds for each pair of channels instead of 144, one at each of 36 places of a transformed tile: at each place
   they are one matrix product over the channels (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
   2016). The transforms are Cook and Toom's at the points 0, +-1/sqrt 2, +-sqrt 2 and infinity, which round less than the
   usual 0, +-1, +-2 and infinity (Barabasz and others, "Error Analysis and Improving the Accuracy of Winograd
   Convolution for Deep Neural Networks", 2020).

   Some tiles are taken at a time, so that all of them, transformed, stay in the second cache. */

#include "vector.h"

#define PLACES 36
#define LINE 16   /* floats of a line of the cache: places begin an odd number of lines apart, so that they do not collide */
#define LOOP _Pragma("GCC unroll 1") /* unrolled, it would compute more addresses than there are registers for */
#define NEAR 0.70710678118654752 /* the points that are not 0 or infinity, and their negatives */
#define FAR 1.41421356237309505

/* Floats between two places of so many tiles. */
static size_t place_step(long tiles, long channels) { return (size_t)tiles * wides(channels) * WIDE + LINE; }

/* Floats that winograd_convolve needs to work in. */
SHOWN size_t winograd_room(long tiles, long in, long out) {
    return PLACES * (place_step(tiles, in) + place_step(tiles, out));
}

/* Floats that winograd_weights makes. */
SHOWN size_t winograd_size(long out, long in) { return (size_t)PLACES * wides(out) * WIDE * in; }

/* Weights (out, in, 3, 3) as winograd_convolve takes them: for each place, for each two registers (at last, one) of
   channels of the result, (in, 2 * WIDE), nought where there are no more channels. In double precision. Aligned to 64
   bytes. */
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
    long whole = wides(out) * WIDE;
    for (long first = 0; first < whole; first += 2 * WIDE) {
        long wide = whole - first < 2 * WIDE ? WIDE : 2 * WIDE, there = out - first < wide ? out - first : wide;
        for (long c = 0; c < in; c++) {
            double w[9][2 * WIDE] = {{0}}, half[6][3][2 * WIDE];
            for (long o = 0; o < there; o++)
                for (int k = 0; k < 9; k++) w[k][o] = weight[((first + o) * in + c) * 9 + k];
            for (int i = 0; i < 6; i++)
                for (int k = 0; k < 3; k++)
                    for (int o = 0; o < 2 * WIDE; o++)
                        half[i][k][o] = row[i][0] * w[k][o] + row[i][1] * w[3 + k][o] + row[i][2] * w[6 + k][o];
            for (int p = 0; p < PLACES; p++) {
                const double(*h)[2 * WIDE] = half[p / 6], *r = row[p % 6];
                float *at = made + ((size_t)p * whole + first) * in + c * wide, ready[2 * WIDE];
                for (int o = 0; o < 2 * WIDE; o++) ready[o] = (float)(h[0][o] * r[0] + h[1][o] * r[1] + h[2][o] * r[2]);
                memcpy(at, ready, wide * sizeof *at);
            }
        }
    }
}

/* One axis of a tile, six values, to the six places. */
static inline void to_places(const vec d[6], vec made[6]) {
    vec near = all(NEAR), far = all(FAR), half = all(0.5), two = all(2.0), sum = all(2.5);
    vec even_near = OP(fnmadd_ps)(two, d[2], d[4]), odd_near = OP(fnmadd_ps)(two, d[1], d[3]);
    vec even_far = OP(fnmadd_ps)(half, d[2], d[4]), odd_far = OP(fnmadd_ps)(half, d[1], d[3]);
    made[0] = OP(fnmadd_ps)(sum, d[2], OP(add_ps)(d[0], d[4]));
    made[1] = OP(fmadd_ps)(near, odd_near, even_near);
    made[2] = OP(fnmadd_ps)(near, odd_near, even_near);
    made[3] = OP(fmadd_ps)(far, odd_far, even_far);
    made[4] = OP(fnmadd_ps)(far, odd_far, even_far);
    made[5] = OP(fnmadd_ps)(sum, d[3], OP(add_ps)(d[1], d[5]));
}

/* One axis of six places back to four results. */
static inline void from_places(const vec m[6], vec made[4]) {
    vec sum_near = OP(add_ps)(m[1], m[2]), less_near = OP(sub_ps)(m[1], m[2]);
    vec sum_far = OP(add_ps)(m[3], m[4]), less_far = OP(sub_ps)(m[3], m[4]);
    made[0] = OP(add_ps)(OP(add_ps)(m[0], sum_near), sum_far);
    made[1] = OP(fmadd_ps)(all(FAR), less_far, OP(mul_ps)(all(NEAR), less_near));
    made[2] = OP(fmadd_ps)(all(2.0), sum_far, OP(mul_ps)(all(0.5), sum_near));
    made[3] = OP(fmadd_ps)(all(2 * FAR), less_far, OP(fmadd_ps)(all(NEAR / 2), less_near, m[5]));
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

/* So many tiles to the places, of the channels in each eight's `rows`. */
static void transform(const float *const *const rows[EIGHTS], const Tiles *tiles, float *made, size_t step) {
    long y = tiles->first / tiles->across * 4, x = tiles->first % tiles->across * 4;
    float edge[EIGHTS][6 * 6 * 8] __attribute__((aligned(64)));
    for (long tile = 0; tile < tiles->count; tile++, made += WIDE) {
        const float *source[6][EIGHTS];
        vec half[6][6];
        for (int e = 0; e < EIGHTS; e++) {
            const float *lines[6];
            read_tile(rows[e], tiles, y, x, edge[e], lines);
            for (int i = 0; i < 6; i++) source[i][e] = lines[i];
        }
        LOOP for (int j = 0; j < 6; j++) {
            vec column[6], places[6];
            for (int i = 0; i < 6; i++) column[i] = gathered(source[i], j * 8);
            to_places(column, places);
            for (int i = 0; i < 6; i++) half[i][j] = places[i];
        }
        float *at = made;
        LOOP for (int i = 0; i < 6; i++, at += 6 * step) {
            vec places[6];
            to_places(half[i], places);
            for (int j = 0; j < 6; j++) OP(store_ps)(at + j * step, places[j]);
        }
        x += 4;
        if (x >= tiles->across * 4) x = 0, y += 4;
    }
}

#define FACTOR(t) tile[t * WIDE + c]
#define PUT(t) OP(store_ps)(made + t * WIDE, sum##t);
#define PUT_MORE(t) OP(store_ps)(made + step + t * WIDE, more##t);

/* ONCE tiles times two registers of channels of the result, added up over `channels`, a multiple of eight. */
static void product(const float *weight, const float *tile, float *made, long channels, size_t step) {
    EACH(NONE)
    for (long done = 0; done < channels; done += 8, tile += done % WIDE ? 8 : step - (WIDE - 8))
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++, weight += 2 * WIDE) {
            vec one = OP(load_ps)(weight), other = OP(load_ps)(weight + WIDE);
            EACH(ADD)
        }
    EACH(PUT)
    EACH(PUT_MORE)
}

/* As `product`, for one register of channels of the result. */
static void narrow_product(const float *weight, const float *tile, float *made, long channels, size_t step) {
    EACH(NONE)
    for (long done = 0; done < channels; done += 8, tile += done % WIDE ? 8 : step - (WIDE - 8))
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++, weight += WIDE) {
            vec one = OP(load_ps)(weight);
            EACH(ADD_ONE)
        }
    EACH(PUT)
    EACH(UNUSED)
}

/* So many tiles back from the places, to each eight's memory in `made`. */
static void finish(const float *places, const Tiles *tiles, size_t step, vec bias, vec slope, float *const made[EIGHTS]) {
    long y = tiles->first / tiles->across * 4, x = tiles->first % tiles->across * 4;
    for (long tile = 0; tile < tiles->count; tile++, places += WIDE) {
        vec half[4][6];
        const float *at = places;
        LOOP for (int j = 0; j < 6; j++, at += step) {
            vec column[6], back[4];
            for (int i = 0; i < 6; i++) column[i] = OP(load_ps)(at + i * 6 * step);
            from_places(column, back);
            for (int i = 0; i < 4; i++) half[i][j] = back[i];
        }
        long high = tiles->height - y < 4 ? tiles->height - y : 4, wide = tiles->width - x < 4 ? tiles->width - x : 4;
        for (int i = 0; i < high; i++) {
            vec back[4];
            from_places(half[i], back);
            for (int j = 0; j < 4; j++) {
                if (j < wide) scattered(bent(OP(add_ps)(back[j], bias), slope), made, ((y + i) * tiles->width + x + j) * 8);
            }
        }
        x += 4;
        if (x >= tiles->across * 4) x = 0, y += 4;
    }
}

/* The convolution, one row and column of nought around, then max(value, 0) + slope * min(value, 0).

   pieces    hold, for each eight channels, height + 2 rows: the one above the result's first to the one below its last.
             Columns outside are nought.
   rows      memory for in / 8 * (height + 2) pointers
   in, out   channels, the first a multiple of eight
   weight    of winograd_weights
   bias, slope  one for each channel of the result, and nought to a multiple of WIDE
   made      (out / 8, height, width, 8); where `out` is no multiple of eight, the last ones hold anything
   room      winograd_room floats, aligned to 64 bytes
   tiles     how many are taken at a time, a multiple of ONCE
   begin, end  which of all tiles are made, row by row: others may be made elsewhere at the same time */
SHOWN void winograd_convolve(const Piece *pieces, long count, const float **rows, long width, long height, long in, long out,
                             const float *weight, const float *bias, const float *slope, float *made, float *room, long tiles,
                             long begin, long end) {
    find_rows(pieces, count, rows, height + 2);
    long across = (width + 3) / 4;
    size_t step = (size_t)tiles * WIDE, step_in = place_step(tiles, in), step_out = place_step(tiles, out);
    float *before = room, *after = room + PLACES * step_in;
    for (long first = begin; first < end; first += tiles) {
        Tiles now = {width, height, across, first, end - first < tiles ? end - first : tiles};
        for (long one = 0; one < wides(in); one++) {
            const float *const *from[EIGHTS];
            for (long e = 0; e < EIGHTS; e++) { /* past the last eight, that one again: it is not read afterwards */
                long eight = one * EIGHTS + e < in / 8 ? one * EIGHTS + e : in / 8 - 1;
                from[e] = rows + eight * (height + 2);
            }
            transform(from, &now, before + one * step, step_in);
        }
        const float *at = weight;
        for (int place = 0; place < PLACES; place++) {
            const float *from = before + place * step_in;
            float *to = after + place * step_out;
            for (long one = 0; one < wides(out); one += 2) {
                int both = one + 1 < wides(out);
                for (long tile = 0; tile < now.count; tile += ONCE)
                    (both ? product : narrow_product)(at, from + tile * WIDE, to + one * step + tile * WIDE, in, step);
                at += in * (both ? 2 * WIDE : WIDE);
            }
        }
        for (long one = 0; one < wides(out); one++) {
            float *to[EIGHTS];
            for (long e = 0; e < EIGHTS; e++)
                to[e] = one * EIGHTS + e < (out + 7) / 8 ? made + (size_t)(one * EIGHTS + e) * height * width * 8 : NULL;
            finish(after + one * step, &now, step_out, OP(loadu_ps)(bias + one * WIDE), OP(loadu_ps)(slope + one * WIDE), to);
        }
    }
}
