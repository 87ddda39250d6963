// Matrix products of one thread: C ← α A B + β C, with A and B read in either order.
//
// B is copied panel by panel, up to kWidth columns wide, so that a panel lies in the nearest cache and
// is read from one end to the other; a block of kHeight rows of C stays in registers meanwhile (Goto
// and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008). Where C is wide, rows
// of A are copied too: they are read once a panel, and may lie where they push each other out.
#pragma once

#include <algorithm>
#include <utility>

#include "vectors.hpp"

namespace NAMESPACE {

// Rows and vectors of C in registers: with those of A and B as many as there are.
constexpr int kHeight = VECTOR_BYTES == 64 ? 8 : 4;
constexpr int kVectors = 3;
constexpr int kDepth = 192;  // rows of a panel
constexpr int kRows = 256;   // of A that are copied at once
constexpr int kPanels = 16;  // of C, from which on that pays
constexpr int kFewRows = 2 * kHeight;  // of C, for which copying a panel would not pay

template <class T> constexpr int kWidth = kVectors * kLanes<T>;

template <class T> struct Matrix {
    const T *values;
    int64_t row, column;  // steps between neighbours in memory
    Matrix transposed() const { return {values, column, row}; }
    Matrix from(int64_t i, int64_t j) const { return {values + i * row + j * column, row, column}; }
};

// Panel rows of 4 columns and 4 rows at once, from a matrix whose columns lie in memory.
inline void transpose_4(const float *from, int64_t step, float *to, int64_t step_to) {
    typedef float V4 __attribute__((vector_size(16)));
    V4 a, b, c, d;
    std::memcpy(&a, from, 16), std::memcpy(&b, from + step, 16);
    std::memcpy(&c, from + 2 * step, 16), std::memcpy(&d, from + 3 * step, 16);
    V4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    V4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    V4 rows[4] = {
        __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
        __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7),
    };
    for (int row = 0; row < 4; row++) std::memcpy(to + row * step_to, &rows[row], 16);
}

inline void transpose_4(const double *from, int64_t step, double *to, int64_t step_to) {
    for (int row = 0; row < 4; row++)
        for (int column = 0; column < 4; column++) to[row * step_to + column] = from[column * step + row];
}

// `width` columns of `depth` rows, with zeros up to `padded` columns, which are whole vectors.
template <class T> void copy_panel(Matrix<T> b, int64_t depth, int width, int padded, T *panel) {
    if (b.column == 1) {
        const int whole = width / kLanes<T> * kLanes<T>;
        for (int64_t k = 0; k < depth; k++, panel += padded) {
            const T *from = b.values + k * b.row;
            for (int j = 0; j < whole; j += kLanes<T>) store<T>(panel + j, load<T>(from + j));
            if (whole < width) store<T>(panel + whole, load_part<T>(from + whole, width - whole));
        }
        return;
    }
    int j = 0;
    for (; b.row == 1 && j + 4 <= width; j += 4) {
        const T *from = b.values + j * b.column;
        int64_t k = 0;
        for (; k + 4 <= depth; k += 4) transpose_4(from + k, b.column, panel + k * padded + j, padded);
        for (; k < depth; k++)
            for (int one = 0; one < 4; one++) panel[k * padded + j + one] = from[one * b.column + k];
    }
    for (; j < padded; j++)
        for (int64_t k = 0; k < depth; k++)
            panel[k * padded + j] = j < width ? b.values[k * b.row + j * b.column] : T(0);
}

template <class T> struct Place {
    T *values;
    int64_t step;  // between rows
    int width;     // columns that there are
};

// `Height` rows of C by `Vectors` vectors of columns. All loops but that over k are unrolled.
// IsCopied: the block's rows of A were copied by copy_rows.
template <class T, int Height, int Vectors, bool IsCopied>
void multiply_block(Matrix<T> a, int64_t depth, const T *panel, int64_t panel_step, T alpha, T beta, Place<T> c) {
    Vector<T> sums[Height][Vectors];
    const T *rows[Height];
#pragma GCC unroll 8
    for (int i = 0; i < Height; i++) {
        rows[i] = a.values + i * a.row;
#pragma GCC unroll 3
        for (int v = 0; v < Vectors; v++) {
            sums[i][v] = Vector<T>{};
            __builtin_prefetch(c.values + i * c.step + v * kLanes<T>, 1);
        }
    }
    for (int64_t k = 0; k < depth; k++, panel += panel_step) {
        Vector<T> b[Vectors];
#pragma GCC unroll 3
        for (int v = 0; v < Vectors; v++) b[v] = load<T>(panel + v * kLanes<T>);
#pragma GCC unroll 8
        for (int i = 0; i < Height; i++) {
            Vector<T> one = all<T>(IsCopied ? a.values[k * Height + i] : rows[i][k * a.column]);
#pragma GCC unroll 3
            for (int v = 0; v < Vectors; v++) sums[i][v] += one * b[v];
        }
    }
    const int rest = c.width - (Vectors - 1) * kLanes<T>;  // columns of the last vector
#pragma GCC unroll 8
    for (int i = 0; i < Height; i++) {
        T *to = c.values + i * c.step;
#pragma GCC unroll 3
        for (int v = 0; v < Vectors; v++, to += kLanes<T>) {
            const bool is_whole = v + 1 < Vectors || rest == kLanes<T>;
            Vector<T> sum = alpha * sums[i][v];
            if (beta != 0) sum += beta * (is_whole ? load<T>(to) : load_part<T>(to, rest));
            is_whole ? store<T>(to, sum) : store_part<T>(to, sum, rest);
        }
    }
}

template <class T> using Block = void (*)(Matrix<T>, int64_t, const T *, int64_t, T, T, Place<T>);

template <class T, bool IsCopied, int... Sizes>
inline Block<T> block_of(int height, int vectors, std::integer_sequence<int, Sizes...>) {
    static constexpr Block<T> blocks[] = {multiply_block<T, Sizes / kVectors + 1, Sizes % kVectors + 1, IsCopied>...};
    return blocks[(height - 1) * kVectors + vectors - 1];
}

// The product of a matrix with one column, where rows of A lie in memory.
template <class T>
void multiply_vector(int64_t m, int64_t k, T alpha, Matrix<T> a, Matrix<T> b, T beta, T *c, int64_t step) {
    for (int64_t i = 0; i < m; i++) {
        const T *row = a.values + i * a.row;
        Vector<T> sums{};
        int64_t j = 0;
        for (; j + kLanes<T> <= k; j += kLanes<T>) sums += load<T>(row + j) * load<T>(b.values + j);
        if (j < k) sums += load_part<T>(row + j, k - j) * load_part<T>(b.values + j, k - j);
        T sum = alpha * sum_of<T>(sums);
        c[i * step] = beta == 0 ? sum : sum + beta * c[i * step];
    }
}

// Columns of the next panel: those that are left in as many panels as needed, equally wide.
template <class T> inline int next_width(int64_t left) {
    int64_t panels = (left + kWidth<T> - 1) / kWidth<T>, vectors = (left + kLanes<T> - 1) / kLanes<T>;
    return int(std::min<int64_t>((vectors + panels - 1) / panels * kLanes<T>, left));
}

// Rows of the next block: those that are left are divided evenly, as few at once would wait for each
// other.
inline int next_height(int64_t left) {
    const int64_t num_blocks = (left + kHeight - 1) / kHeight;
    return int((left + num_blocks - 1) / num_blocks);
}

// `height` rows of A, column after column.
template <class T> void copy_rows(Matrix<T> a, int height, int64_t depth, T *to) {
    int64_t k = 0;
    if (a.column == 1 && height % 4 == 0)
        for (; k + 4 <= depth; k += 4)
            for (int i = 0; i < height; i += 4)
                transpose_4(a.values + i * a.row + k, a.row, to + k * height + i, height);
    for (; k < depth; k++)
        for (int i = 0; i < height; i++) to[k * height + i] = a.values[i * a.row + k * a.column];
}

// C (m × n, rows `step` apart) ← α A (m × k) B (k × n) + β C. With β = 0, C is never read.
template <class T>
void multiply(int64_t m, int64_t n, int64_t k, T alpha, Matrix<T> a, Matrix<T> b, T beta, T *c, int64_t step) {
    if (n == 1 && a.column == 1 && b.row == 1) return multiply_vector<T>(m, k, alpha, a, b, beta, c, step);
    if (n == 1 && m > 1 && step == 1)  // one row in place of one column
        return multiply<T>(1, m, k, alpha, b.transposed(), a.transposed(), beta, c, m);
    alignas(64) static thread_local T panel_copied[kDepth * kWidth<T>], rows_copied[kDepth * kRows];
    const auto sizes = std::make_integer_sequence<int, kHeight * kVectors>();
    const bool copies_rows = n > kPanels * kWidth<T> && m > kFewRows;
    for (int64_t first_k = 0; first_k < std::max<int64_t>(k, 1); first_k += kDepth) {
        const int64_t depth = std::min<int64_t>(kDepth, k - first_k);
        const T kept = first_k ? T(1) : beta;
        for (int64_t first = 0, last; first < m; first = last) {
            last = copies_rows ? std::min<int64_t>(m, first + kRows) : m;
            T *rows = rows_copied;
            for (int64_t i = first, height; copies_rows && i < last; i += height, rows += height * depth)
                copy_rows<T>(a.from(i, first_k), height = next_height(last - i), depth, rows);
            for (int64_t j = 0; j < n;) {
                const int width = next_width<T>(n - j), vectors = (width + kLanes<T> - 1) / kLanes<T>;
                const T *panel = b.values + first_k * b.row + j * b.column;
                int64_t panel_step = b.row;
                if (m > kFewRows || b.column != 1 || width % kLanes<T>) {
                    copy_panel<T>(b.from(first_k, j), depth, width, vectors * kLanes<T>, panel_copied);
                    panel = panel_copied, panel_step = vectors * kLanes<T>;
                }
                rows = rows_copied;
                for (int64_t i = first, height; i < last; i += height, rows += height * depth) {
                    height = next_height(last - i);
                    const auto block = copies_rows ? block_of<T, true>(height, vectors, sizes)
                                                   : block_of<T, false>(height, vectors, sizes);
                    block(copies_rows ? Matrix<T>{rows, 1, height} : a.from(i, first_k), depth, panel, panel_step,
                          alpha, kept, {c + i * step + j, step, width});
                }
                j += width;
            }
        }
    }
}

}  // namespace NAMESPACE
