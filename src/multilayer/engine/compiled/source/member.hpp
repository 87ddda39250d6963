// One network of a population: a batch forward and back, and the gradient of every parameter.
//
// Threads that share a batch have some of its rows each while values flow through the layers, and
// after they have met some of the parameters each. Where the weights are few for the values of a batch,
// each makes the gradients of its rows before, which are added up then: fewer values go from one
// thread to another. Where they are not, each reads the values of all rows for its parameters.
#pragma once

#include <utility>
#include <vector>

#include "activations.hpp"
#include "batch_norm.hpp"
#include "dropout.hpp"
#include "embeddings.hpp"
#include "losses.hpp"
#include "optimizer.hpp"
#include "product.hpp"
#include "team.hpp"

namespace NAMESPACE {

// The rows of a batch that are a thread's, from first up to last; with nobody to meet they are answered.
struct Part {
    const int64_t *order;
    int64_t first, last, num_rows;
    int thread;
    Meeting *meeting;
};

// What a thread adds up on its rows, for the parameters that are added to or multiply a feature.
template <class T> struct Sums {
    std::vector<std::vector<T>> biases, strengths;
    std::vector<T> feature_scale, scratch;
    T loss;
};

constexpr int64_t kValuesOfAWeight = 4;  // of a batch, from which on gradients are added up from parts

template <class T> class Member {
  public:
    Member(const Plan &plan, int64_t number, Own<T> own, uint32_t *generator, int num_threads)
        : plan_(plan), number_(number), own_(own), optimizer_(plan, own), generator_(generator), sums_(num_threads) {
        const int64_t rows = plan.batch_size;
        inputs_.resize(rows * plan.num_inputs);
        features_.resize(plan.is_embedded ? rows * plan.num_features : 0);
        kept_features_.resize(rows * plan.num_features);
        first_.resize(rows * plan.num_features), flowing_features_.resize(first_.size());
        for (int64_t l = 0; l < plan.num_layers; l++) {
            const int64_t size = rows * plan.layers[l].outputs;
            outputs_.emplace_back(size), flowing_.emplace_back(size);
            slopes_.emplace_back(is_hidden(l) ? size : 0);
            differences_.emplace_back(is_learned(l) ? size : 0);
            standardized_.emplace_back(is_normed(l) ? size : 0);
            norms_.emplace_back(num_threads, NormSums<T>(is_normed(l) ? plan.layers[l].outputs : 0));
            bits_.emplace_back(is_hidden(l) && plan.has_dropout ? size + 8 : 0);
        }
        if (num_threads > 1) make_room_for_parts(num_threads);
        input_bits_.resize(plan.input_dropout > 0 ? rows * plan.num_features + 8 : 0);
        piecewise_.prepare(plan, plan.num_numbers && plan.is_piecewise ? rows : 0);
        periodic_.prepare(plan, plan.num_numbers && !plan.is_piecewise ? rows : 0);
        for (Sums<T> &sums : sums_) {
            for (int64_t l = 0; l < plan.num_layers; l++) {
                sums.biases.emplace_back(plan.layers[l].outputs);
                sums.strengths.emplace_back(is_learned(l) ? plan.layers[l].outputs : 0);
            }
            sums.feature_scale.resize(plan.feature_scale < 0 ? 0 : plan.num_features);
        }
    }

    // Before the threads take their rows, by one of them: which values are left out.
    void draw_masks(int64_t num_rows, double strength) {
        input_keep_ = Keep(), keep_ = Keep();
        if (!plan_.has_dropout && plan_.input_dropout == 0) return;
        Twister twister(generator_);
        auto draw = [&](std::vector<int8_t> &bits, int64_t numbers) {
            twister.fill(reinterpret_cast<uint64_t *>(bits.data()), (numbers + 7) / 8);
        };
        if (plan_.input_dropout > 0) {
            input_keep_ = Keep(plan_.input_dropout, strength, num_rows);
            if (!input_keep_.is_off) draw(input_bits_, num_rows * plan_.num_features);
        }
        if (plan_.has_dropout) {
            keep_ = Keep(plan_.dropouts[number_], strength, num_rows);
            for (int64_t l = 0; !keep_.is_off && l + 1 < plan_.num_layers; l++)
                draw(bits_[l], num_rows * plan_.layers[l].outputs);
        }
        twister.keep();
    }

    // Forward, loss, and back to the features.
    void flow(const Batches &batches, const Part &part) {
        forward(batches.inputs, part);
        sums_[part.thread].loss = loss(batches, part);
        backward(part);
        if (!parts_.empty()) gradients_of_rows(part);
    }

    // The parameters to answer with, without masks; the training's own once they are given back.
    T *take(T *parameters) {
        input_keep_ = Keep(), keep_ = Keep();
        return std::exchange(own_.parameters, parameters);
    }

    void answer(const void *inputs, const Part &part, T *logits) {
        forward(inputs, part);
        const LinearLayer &layer = plan_.layers[plan_.num_layers - 1];
        const T *bias = own_.parameters + layer.bias, *values = outputs_[plan_.num_layers - 1].data();
        for (int64_t row = part.first; row < part.last; row++)
            for (int64_t j = 0; j < layer.outputs; j++)
                logits[row * layer.outputs + j] = values[row * layer.outputs + j] + bias[j];
    }

    // The gradients of the parameters that are a thread's, once all rows have flowed; and their step.
    void learn(const typename Optimizer<T>::Moment &moment, int64_t num_rows, int thread, int num_threads) {
        for_parts(thread, num_threads, [&](int64_t l, int64_t from, int64_t to) {
            const LinearLayer &layer = plan_.layers[l];
            if (!parts_.empty()) {
                const int64_t start = layer.weight + from * layer.outputs, stop = layer.weight + to * layer.outputs;
                add_up(start, stop - start, [&](size_t t) { return parts_[t].data() + start; });
                if (plan_.max_norm == 0) optimizer_.step(moment, start, stop);
                return;
            }
            const T *values = l ? outputs_[l - 1].data() : linear_inputs();
            Matrix<T> transposed{values + from, 1, layer.inputs}, flowing{flowing_[l].data(), layer.outputs, 1};
            int64_t start = layer.weight + from * layer.outputs, stop = layer.weight + to * layer.outputs;
            if (optimizer_.is_plain_descent()) {
                T rate = T(moment.rate * optimizer_.rate_at(start));
                multiply<T>(to - from, layer.outputs, num_rows, -rate, transposed, flowing, T(moment.kept),
                            own_.parameters + start, layer.outputs);
                return;
            }
            multiply<T>(to - from, layer.outputs, num_rows, 1, transposed, flowing, 0, own_.gradient + start,
                        layer.outputs);
            if (plan_.max_norm == 0) optimizer_.step(moment, start, stop);
        });
        for_small_parts(thread, num_threads, num_rows, [&](int64_t start, int64_t stop) {
            if (plan_.max_norm == 0) optimizer_.step(moment, start, stop);
        });
        for (int64_t l = 0; l < plan_.num_layers; l++) {
            if (!is_normed(l) || l % num_threads != thread) continue;
            const LinearLayer &layer = plan_.layers[l];
            norms_[l][thread].move(own_.parameters + layer.mean, own_.parameters + layer.variance, num_rows);
            optimizer_.average_of(moment, layer.mean, layer.mean + layer.outputs);
            optimizer_.average_of(moment, layer.variance, layer.variance + layer.outputs);
        }
    }

    // With a largest norm: the squares of a thread's gradients, and the step once all are known.
    double squares(int thread, int num_threads) {
        double sum = 0;
        for_ranges(thread, num_threads, [&](int64_t start, int64_t stop) {
            for (int64_t i = start; i < stop; i++) sum += double(own_.gradient[i]) * double(own_.gradient[i]);
        });
        return sum;
    }

    void step(const typename Optimizer<T>::Moment &moment, int thread, int num_threads) {
        for_ranges(thread, num_threads, [&](int64_t start, int64_t stop) { optimizer_.step(moment, start, stop); });
    }

    T all_losses() const {
        T sum = 0;
        for (const Sums<T> &sums : sums_) sum += sums.loss;
        return sum;
    }

  private:
    const Plan &plan_;
    const int64_t number_;
    Own<T> own_;
    Optimizer<T> optimizer_;
    uint32_t *generator_;
    Keep keep_, input_keep_;
    std::vector<T> inputs_, features_, kept_features_, first_, flowing_features_;
    std::vector<std::vector<T>> outputs_, flowing_, slopes_, differences_, standardized_;
    std::vector<std::vector<NormSums<T>>> norms_;  // of each layer and thread
    std::vector<std::vector<int8_t>> bits_;
    std::vector<int8_t> input_bits_;
    PiecewiseNumbers<T> piecewise_;
    PeriodicNumbers<T> periodic_;
    std::vector<Sums<T>> sums_;          // of each thread
    std::vector<std::vector<T>> parts_;  // of the weights' gradients likewise, laid out as these; or none

    bool is_hidden(int64_t l) const { return l + 1 < plan_.num_layers; }
    bool is_normed(int64_t l) const { return plan_.layers[l].gain >= 0; }
    bool is_learned(int64_t l) const { return plan_.layers[l].strength >= 0; }
    bool asks_features() const { return plan_.is_embedded || plan_.feature_scale >= 0; }
    const T *raw_features() const { return plan_.is_embedded ? features_.data() : inputs_.data(); }
    const T *masked_features() const { return input_keep_.is_off ? raw_features() : kept_features_.data(); }
    const T *linear_inputs() const { return plan_.feature_scale < 0 ? masked_features() : first_.data(); }

    void forward(const void *inputs, const Part &part) {
        const int64_t first = part.first, last = part.last;
        gather(inputs, part.order, first, last);
        const T *values = features(first, last, sums_[part.thread]);
        for (int64_t l = 0; l < plan_.num_layers; l++) {
            const LinearLayer &layer = plan_.layers[l];
            T *to = outputs_[l].data() + first * layer.outputs;
            multiply<T>(last - first, layer.outputs, layer.inputs, 1, {values + first * layer.inputs, layer.inputs, 1},
                        {own_.parameters + layer.weight, layer.outputs, 1}, 0, to, layer.outputs);
            if (is_normed(l)) measure_layer(l, part);
            if (is_hidden(l)) activate_layer(l, first, last, norms_[l][part.thread]);
            values = outputs_[l].data();
        }
    }

    template <class R> void gather_rows(const R *from, const int64_t *order, int64_t first, int64_t last) {
        const T scale = T(plan_.input_scale);
        for (int64_t row = first; row < last; row++) {
            const R *given = from + order[row] * plan_.row_width;
            T *to = inputs_.data() + row * plan_.num_inputs;
            if (plan_.num_one_hots == 0) {
                for (int64_t j = 0; j < plan_.num_inputs; j++) to[j] = T(given[j]) * scale;
                continue;
            }
            int64_t place = 0, given_place = 0;
            for (int64_t h = 0; h <= plan_.num_one_hots; h++) {
                const bool is_end = h == plan_.num_one_hots;
                const int64_t stop = is_end ? plan_.num_inputs : plan_.one_hots[h].place;
                while (place < stop) to[place++] = T(given[given_place++]);
                if (is_end) break;
                const OneHot &hot = plan_.one_hots[h];
                const double *values = plan_.one_hot_values + hot.values;
                for (int64_t j = 0; j < hot.size; j++) to[place + j] = T(values[j]);
                int64_t code = int64_t(given[given_place++]);
                if (code > 0) to[place + code - 1] = T(values[hot.size + code - 1]);
                place += hot.size;
            }
        }
    }

    void gather(const void *inputs, const int64_t *order, int64_t first, int64_t last) {
        if (plan_.row_type == 0)
            gather_rows(static_cast<const uint8_t *>(inputs), order, first, last);
        else if (plan_.row_type == 1)
            gather_rows(static_cast<const float *>(inputs), order, first, last);
        else
            gather_rows(static_cast<const double *>(inputs), order, first, last);
        if (plan_.shift < 0) return;
        const T *shift = own_.parameters + plan_.shift, *deviation = own_.parameters + plan_.deviation;
        for (int64_t row = first; row < last; row++) {
            T *to = inputs_.data() + row * plan_.num_inputs;
            for (int64_t j = 0; j < plan_.num_inputs; j++) to[j] = (to[j] - shift[j]) * deviation[j];
        }
    }

    const T *features(int64_t first, int64_t last, Sums<T> &sums) {
        if (plan_.is_embedded) {
            if (plan_.num_numbers && plan_.is_piecewise)
                piecewise_.forward(plan_, own_.parameters, inputs_.data(), features_.data(), first, last, sums.scratch);
            else if (plan_.num_numbers)
                periodic_.forward(plan_, own_.parameters, inputs_.data(), features_.data(), first, last);
            const int64_t passed = plan_.num_numbers * (plan_.num_numbers ? 1 + plan_.num_mixtures : 0);
            for (int64_t row = first; row < last; row++) {
                const T *from = inputs_.data() + row * plan_.num_inputs + plan_.num_numbers;
                T *to = features_.data() + row * plan_.num_features + passed;
                std::copy(from, from + plan_.num_passed, to);
                features_of_codes<T>(plan_, own_.parameters, from + plan_.num_passed, to + plan_.num_passed);
            }
        }
        const int64_t width = plan_.num_features;
        if (!input_keep_.is_off) {
            std::copy(raw_features() + first * width, raw_features() + last * width, kept_features_.data() + first * width);
            multiply_mask(kept_features_.data(), input_bits_, input_keep_, width, first, last);
        }
        if (plan_.feature_scale >= 0) {
            const T *scale = own_.parameters + plan_.feature_scale;
            for (int64_t row = first; row < last; row++)
                for (int64_t j = 0; j < width; j++)
                    first_[row * width + j] = masked_features()[row * width + j] * scale[j];
        }
        return linear_inputs();
    }

    void multiply_mask(T *values, const std::vector<int8_t> &bits, const Keep &keep, int64_t width, int64_t first,
                       int64_t last) {
        for (int64_t row = first; row < last; row++)
            for (int64_t j = 0; j < width; j += kLanes<T>) {
                int number = int(std::min<int64_t>(kLanes<T>, width - j));
                T *at = values + row * width + j;
                Vector<T> m = mask<T>(bits.data() + row * width + j, keep.least_of(row), T(keep.factor), number);
                store_part<T>(at, load_part<T>(at, number) * m, number);
            }
    }

#include "member_layers.inc"
};

}  // namespace NAMESPACE
