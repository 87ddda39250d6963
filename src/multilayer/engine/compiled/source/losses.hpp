// The loss of a batch's rows, and its gradient in place of the outputs; engine/losses is the twin.
#pragma once

#include <algorithm>

#include "functions.hpp"
#include "plan.hpp"

namespace NAMESPACE {

// One row of classes; `share` is the row's part of the loss.
template <class T> inline T loss_of_class(T *outputs, int64_t n, int64_t target, T smoothing, T share) {
    T most = outputs[0], sum = 0, total = 0;
    for (int64_t j = 1; j < n; j++) most = outputs[j] > most || outputs[j] != outputs[j] ? outputs[j] : most;
    for (int64_t j = 0; j < n; j++) outputs[j] -= most, total += outputs[j];
    T of_target = outputs[target];
    map<T>(outputs, outputs, n, [](Vector<T> v) { return exp<T>(v); });
    for (int64_t j = 0; j < n; j++) sum += outputs[j];
    T log_sum = std::log(sum), factor = share / sum, spread = share * smoothing / n;
    for (int64_t j = 0; j < n; j++) outputs[j] = outputs[j] * factor - spread;
    outputs[target] -= share * (1 - smoothing);
    // −(1 − s) log p of the target − s × the mean of log p
    return share * ((1 - smoothing) * (log_sum - of_target) + smoothing * (log_sum - total / n));
}

// One output y and its target t: the loss, and its derivative in place of y.
template <class T> inline T loss_of_number(int64_t loss, T &y, T t, T quantile) {
    T d = y - t, size = std::abs(d), near, value;
    switch (loss) {
    case 1:  // labels: log(1 + e^y) − t y
        value = std::max(y, T(0)) + std::log1p(std::exp(-std::abs(y))) - t * y;
        y = (y >= 0 ? 1 / (1 + std::exp(-y)) : std::exp(y) / (1 + std::exp(y))) - t;
        return y == y ? value : y;
    case 2: y = 2 * d; return d * d;
    case 3: y = d > 0 ? T(1) : d < 0 ? T(-1) : d; return size;
    case 4:
        near = std::min(size, T(1));
        y = d != d ? d : std::min(std::max(d, T(-1)), T(1));
        return d != d ? d : near * (size - near / 2);
    case 5:
        value = std::max(-quantile * d, (1 - quantile) * d);
        y = d != d ? d : T(d >= 0) - quantile;
        return d != d ? d : value;
    default:
        value = std::exp(y);
        d = value - t * y, y = value - t;
        return d;
    }
}

// Some rows of a batch.
template <class T>
T loss_of_rows(const Plan &plan, T *outputs, int64_t width, const int64_t *order, int64_t first, int64_t last,
               const void *targets, const T *weights, T all_weights, int64_t batch_size) {
    T sum = 0;
    for (int64_t row = first; row < last; row++) {
        T *own = outputs + (row - first) * width;
        T share = weights ? (all_weights == 0 ? T(0) : weights[order[row]] / all_weights) : T(1) / batch_size;
        if (plan.loss == 0) {
            int64_t target = static_cast<const int64_t *>(targets)[order[row]];
            sum += loss_of_class<T>(own, width, target, T(plan.label_smoothing), share);
            continue;
        }
        int64_t num_targets = width / plan.num_quantiles;
        const T *numbers = static_cast<const T *>(targets) + order[row] * num_targets;
        T of_row = 0;
        for (int64_t j = 0; j < width; j++) {
            T quantile = plan.loss == 5 ? T(plan.quantiles[j % plan.num_quantiles]) : T(0);
            of_row += loss_of_number<T>(plan.loss, own[j], numbers[j / plan.num_quantiles], quantile);
            own[j] *= share / width;
        }
        sum += of_row * (share / width);
    }
    return sum;
}

}  // namespace NAMESPACE
