// Numbers and categories as features, and the gradients of what is learned of them;
// engine/layers/embeddings.py, piecewise.py and statistics.py are the twins.
#pragma once

#include <vector>

#include "functions.hpp"
#include "plan.hpp"

namespace NAMESPACE {

// For each number its bin, and how far it has come through it: an encoding of ones up to a bin, a
// fraction there and zeros behind it needs no product, as the sums of the weights up to a bin serve
// all rows.
template <class T> class PiecewiseNumbers {
  public:
    void prepare(const Plan &plan, int64_t batch_size) {
        bins_.resize(plan.num_numbers * batch_size), fractions_.resize(plan.num_numbers * batch_size);
        batch_size_ = batch_size;
    }

    void forward(const Plan &plan, const T *parameters, const T *inputs, T *features, int64_t first, int64_t last,
                 std::vector<T> &sums) {
        const int64_t parts = plan.num_components, mixtures = plan.num_mixtures;
        sums.resize(parts * mixtures);
        for (int64_t column = 0; column < plan.num_numbers; column++) {
            const T *edges = parameters + plan.edges + column * (parts + 1);
            const T *weight = parameters + plan.number_weight + column * parts * mixtures;
            for (int64_t m = 0; m < mixtures; m++) {
                T sum = 0;
                for (int64_t t = 0; t < parts; t++) {
                    sums[t * mixtures + m] = sum;
                    if (edges[t + 1] > edges[t]) sum += weight[t * mixtures + m];
                }
            }
            for (int64_t row = first; row < last; row++) {
                T x = inputs[row * plan.num_inputs + column];
                int64_t bin = 0;
                for (int64_t t = 1; t < parts; t++) bin += x >= edges[t];
                T width = edges[bin + 1] - edges[bin];
                T fraction = width > 0 ? (x - edges[bin]) * (1 / width) : (x - x);
                bins_[column * batch_size_ + row] = int32_t(bin);
                fractions_[column * batch_size_ + row] = fraction;
                T *own = features + row * plan.num_features;
                own[column] = x;
                T *mixed = own + plan.num_numbers + column * mixtures;
                for (int64_t m = 0; m < mixtures; m++)
                    mixed[m] = sums[bin * mixtures + m] + fraction * weight[bin * mixtures + m];
            }
        }
    }

    // The gradient of one column's weights, from that of all rows' features.
    void gradient(const Plan &plan, const T *parameters, const T *flowing, int64_t column, int64_t num_rows, T *to) {
        const int64_t parts = plan.num_components, mixtures = plan.num_mixtures;
        const T *edges = parameters + plan.edges + column * (parts + 1);
        T *weight = to + plan.number_weight + column * parts * mixtures;
        std::vector<T> whole(parts * mixtures, T(0));
        std::fill(weight, weight + parts * mixtures, T(0));
        for (int64_t row = 0; row < num_rows; row++) {
            const T *mixed = flowing + row * plan.num_features + plan.num_numbers + column * mixtures;
            int64_t bin = bins_[column * batch_size_ + row];
            T fraction = fractions_[column * batch_size_ + row];
            for (int64_t m = 0; m < mixtures; m++) {
                whole[bin * mixtures + m] += mixed[m];
                weight[bin * mixtures + m] += fraction * mixed[m];
            }
        }
        for (int64_t m = 0; m < mixtures; m++) {
            T behind = 0;
            for (int64_t t = parts - 1; t >= 0; t--) {
                if (edges[t + 1] > edges[t]) weight[t * mixtures + m] += behind;
                behind += whole[t * mixtures + m];
            }
        }
    }

  private:
    int64_t batch_size_ = 0;
    std::vector<int32_t> bins_;
    std::vector<T> fractions_;
};

// Mixtures of cosines. Rows lie along the vectors, as there are many rows and few mixtures.
template <class T> class PeriodicNumbers {
  public:
    void prepare(const Plan &plan, int64_t batch_size) {
        // Whole vectors beyond the last row may be written.
        batch_size_ = batch_size + kLanes<T>;
        sines_.resize(plan.num_numbers * plan.num_components * batch_size_), cosines_.resize(sines_.size());
    }

    void forward(const Plan &plan, const T *parameters, const T *inputs, T *features, int64_t first, int64_t last) {
        const int64_t parts = plan.num_components, mixtures = plan.num_mixtures;
        const T turn = T(6.283185307179586);
        std::vector<Vector<T>> mixed(mixtures);
        for (int64_t column = 0; column < plan.num_numbers; column++) {
            const T *frequency = parameters + plan.frequency + column * parts;
            const T *phase = parameters + plan.phase + column * parts;
            const T *weight = parameters + plan.number_weight + column * parts * mixtures;
            const T *bias = parameters + plan.number_bias + column * mixtures;
            for (int64_t row = first; row < last; row += kLanes<T>) {
                const int64_t number = std::min<int64_t>(kLanes<T>, last - row);
                Vector<T> x{};
                for (int64_t i = 0; i < number; i++) x[i] = inputs[(row + i) * plan.num_inputs + column];
                for (int64_t m = 0; m < mixtures; m++) mixed[m] = all<T>(bias[m]);
                for (int64_t k = 0; k < parts; k++) {
                    Vector<T> sine, cosine;
                    sine_and_cosine<T>(x * (frequency[k] * turn) + phase[k], sine, cosine);
                    int64_t place = (column * parts + k) * batch_size_ + row;
                    store_part<T>(&sines_[place], sine, number), store_part<T>(&cosines_[place], cosine, number);
                    for (int64_t m = 0; m < mixtures; m++) mixed[m] += cosine * weight[k * mixtures + m];
                }
                for (int64_t i = 0; i < number; i++) {
                    T *own = features + (row + i) * plan.num_features;
                    own[column] = x[i];
                    for (int64_t m = 0; m < mixtures; m++) own[plan.num_numbers + column * mixtures + m] = mixed[m][i];
                }
            }
        }
    }

    void gradient(const Plan &plan, const T *parameters, const T *inputs, const T *flowing, int64_t column,
                  int64_t num_rows, T *to) {
        const int64_t parts = plan.num_components, mixtures = plan.num_mixtures;
        const T *weight = parameters + plan.number_weight + column * parts * mixtures;
        std::vector<Vector<T>> of_weight(parts * mixtures), of_bias(mixtures), of_phase(parts), of_frequency(parts);
        std::vector<Vector<T>> mixed(mixtures);
        for (int64_t row = 0; row < num_rows; row += kLanes<T>) {
            const int64_t number = std::min<int64_t>(kLanes<T>, num_rows - row);
            Vector<T> x{};
            for (int64_t m = 0; m < mixtures; m++) mixed[m] = Vector<T>{};
            for (int64_t i = 0; i < number; i++) {
                x[i] = inputs[(row + i) * plan.num_inputs + column];
                const T *own = flowing + (row + i) * plan.num_features + plan.num_numbers + column * mixtures;
                for (int64_t m = 0; m < mixtures; m++) mixed[m][i] = own[m];
            }
            for (int64_t m = 0; m < mixtures; m++) of_bias[m] += mixed[m];
            for (int64_t k = 0; k < parts; k++) {
                int64_t place = (column * parts + k) * batch_size_ + row;
                Vector<T> sine = load_part<T>(&sines_[place], number), cosine = load_part<T>(&cosines_[place], number);
                Vector<T> back{};
                for (int64_t m = 0; m < mixtures; m++) {
                    back += mixed[m] * weight[k * mixtures + m];
                    of_weight[k * mixtures + m] += cosine * mixed[m];
                }
                Vector<T> of_argument = -sine * back;
                of_phase[k] += of_argument, of_frequency[k] += of_argument * x;
            }
        }
        for (int64_t m = 0; m < mixtures; m++) to[plan.number_bias + column * mixtures + m] = sum_of<T>(of_bias[m]);
        for (int64_t k = 0; k < parts; k++) {
            to[plan.phase + column * parts + k] = sum_of<T>(of_phase[k]);
            to[plan.frequency + column * parts + k] = sum_of<T>(of_frequency[k]) * T(6.283185307179586);
            for (int64_t m = 0; m < mixtures; m++)
                to[plan.number_weight + (column * parts + k) * mixtures + m] = sum_of<T>(of_weight[k * mixtures + m]);
        }
    }

  private:
    int64_t batch_size_ = 0;
    std::vector<T> sines_, cosines_;
};

// A code of version v is code + v × size of its column; see engine/target_statistics.py.
template <class T> struct Code {
    int64_t code, version;
    Code(T value, int64_t size, bool has_versions) {
        int64_t number = int64_t(value);
        version = has_versions ? number / size : 0, code = has_versions ? number % size : number;
    }
};

template <class T>
void features_of_codes(const Plan &plan, const T *parameters, const T *codes, T *features) {
    const bool has_versions = plan.num_statistics > 0;
    T *to = features;
    for (int64_t table = 0; table < plan.num_tables; table++, to += plan.category_width) {
        int64_t column = plan.table_codes[table];
        Code<T> code(codes[column], plan.code_sizes[column], has_versions);
        const T *from = parameters + plan.tables[table] + code.code * plan.category_width;
        std::copy(from, from + plan.category_width, to);
    }
    if (!has_versions) return;
    int64_t start = 0, all_sizes = 0;
    for (int64_t column = 0; column < plan.num_codes; column++) all_sizes += plan.code_sizes[column];
    for (int64_t column = 0; column < plan.num_codes; column++, to += plan.num_statistics) {
        Code<T> code(codes[column], plan.code_sizes[column], true);
        int64_t place = (code.version % plan.num_versions) * all_sizes + start + code.code;
        const T *from = parameters + plan.statistics + place * plan.num_statistics;
        std::copy(from, from + plan.num_statistics, to);
        start += plan.code_sizes[column];
    }
}

// The gradient of one embedded column's table.
template <class T>
void gradient_of_table(const Plan &plan, const T *inputs, const T *flowing, int64_t table, int64_t num_rows, T *to) {
    const int64_t column = plan.table_codes[table], size = plan.code_sizes[column], width = plan.category_width;
    const int64_t codes_from = plan.num_numbers + plan.num_passed;
    const int64_t from = plan.num_numbers * (1 + plan.num_mixtures) + plan.num_passed + table * width;
    T *own = to + plan.tables[table];
    std::fill(own, own + size * width, T(0));
    for (int64_t row = 0; row < num_rows; row++) {
        Code<T> code(inputs[row * plan.num_inputs + codes_from + column], size, plan.num_statistics > 0);
        for (int64_t v = 0; v < width; v++) own[code.code * width + v] += flowing[row * plan.num_features + from + v];
    }
}

}  // namespace NAMESPACE
