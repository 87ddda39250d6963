// What batch norm needs to know of a layer's values in a batch; engine/layers/batch_norm.py is the twin.
//
// Each thread measures its own rows. After they have met, each joins what all have found (Chan, Golub
// and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979), in
// the order of the threads, so that all come to the same bits.
#pragma once

#include <vector>

#include "vectors.hpp"

namespace NAMESPACE {

constexpr double kNormEpsilon = 1e-5, kNormMomentum = 0.1;  // as torch.nn.BatchNorm1d has them

// f(place, column, number) of every vector of some rows, added up over the rows.
template <class T, class F> void add_up_rows(int64_t width, int64_t first, int64_t last, std::vector<T> &to, F f) {
    std::fill(to.begin(), to.end(), T(0));
    for (int64_t row = first; row < last; row++)
        for_vectors<T>(0, width, [&](int64_t j, int number) {
            put<T>(to.data() + j, get<T>(to.data() + j, number) + f(row * width + j, j, number), number);
        });
}

// What a thread knows of one layer.
template <class T> struct NormSums {
    // Of its own rows: how many, their mean, and the squares of what they are away from it.
    int64_t num_rows = 0;
    std::vector<T> own_mean, squares, gains;
    // Of the batch, or those that rows are answered with; one over the root of the variance.
    std::vector<T> mean, variance, inverse;

    explicit NormSums(int64_t width)
        : own_mean(width), squares(width), gains(width), mean(width), variance(width), inverse(width) {}

    void measure(const T *values, int64_t width, int64_t first, int64_t last) {
        num_rows = last - first;
        if (num_rows == 0) return;
        add_up_rows<T>(width, first, last, own_mean, [&](int64_t at, int64_t, int n) { return get<T>(values + at, n); });
        for (T &one : own_mean) one /= T(num_rows);
        add_up_rows<T>(width, first, last, squares, [&](int64_t at, int64_t j, int n) {
            const Vector<T> away = get<T>(values + at, n) - get<T>(own_mean.data() + j, n);
            return away * away;
        });
    }

    // Rows found so far, and those of one thread after the other.
    template <class Others> void join(const Others &others) {
        int64_t found = 0;
        for (const NormSums &other : others) {
            if (other.num_rows == 0) continue;
            const T share = T(other.num_rows) / T(found + other.num_rows), weight = share * T(found);
            for (size_t j = 0; j < mean.size(); j++) {
                const T apart = found ? other.own_mean[j] - mean[j] : T(0);
                mean[j] = found ? mean[j] + share * apart : other.own_mean[j];
                variance[j] = (found ? variance[j] : T(0)) + other.squares[j] + apart * apart * weight;
            }
            found += other.num_rows;
        }
        for (T &one : variance) one /= T(found);
        invert();
    }

    void take(const T *known_mean, const T *known_variance) {
        std::copy(known_mean, known_mean + mean.size(), mean.begin());
        std::copy(known_variance, known_variance + variance.size(), variance.begin());
        invert();
    }

    // Running statistics go on from a batch; they have the variance that is right on average.
    void move(T *running_mean, T *running_variance, int64_t of_rows) const {
        const T share = T(kNormMomentum), unbiased = share * of_rows / std::max<int64_t>(of_rows - 1, 1);
        for (size_t j = 0; j < mean.size(); j++) {
            running_mean[j] += share * (mean[j] - running_mean[j]);
            running_variance[j] = running_variance[j] * (1 - share) + variance[j] * unbiased;
        }
    }

  private:
    void invert() {
        for (size_t j = 0; j < inverse.size(); j++) inverse[j] = 1 / std::sqrt(variance[j] + T(kNormEpsilon));
    }
};

}  // namespace NAMESPACE
