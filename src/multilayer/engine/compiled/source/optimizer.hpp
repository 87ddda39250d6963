// How a gradient becomes a step; engine/optimizers.py and step.py are the twins.
#pragma once

#include <algorithm>
#include <cmath>

#include "functions.hpp"
#include "plan.hpp"

namespace NAMESPACE {

// Compiled by itself, so that which products and sums become one instruction, and so the last bit of
// a step, does not depend on what calls it.
#define ALONE __attribute__((noinline))

template <class T> inline Vector<T> square_root(Vector<T> x) {
    for (int lane = 0; lane < kLanes<T>; lane++) x[lane] = std::sqrt(x[lane]);  // becomes one instruction
    return x;
}

// One member's tensors; those that there are not are null.
template <class T> struct Own {
    T *parameters, *gradient, *first, *second, *average;
};

template <class T> class Optimizer {
  public:
    // What is alike for all parameters in a step.
    struct Moment {
        double rate, kept, average_kept, shortened;
        int64_t step;
    };

    Optimizer(const Plan &plan, Own<T> own) : plan_(plan), own_(own) {}

    // Gradient descent's step on a matrix goes into its product, unless somebody needs the gradient.
    bool is_plain_descent() const {
        return !plan_.is_adam && plan_.momentum == 0 && plan_.max_norm == 0 && !plan_.is_averaged;
    }

    double rate_at(int64_t place) const {
        for (int64_t g = 0; g < plan_.num_groups; g++)
            if (plan_.groups[g].start <= place && place < plan_.groups[g].stop) return plan_.groups[g].rate;
        return 0;
    }

    // The step of the parameters from start up to stop.
    void step(const Moment &moment, int64_t start, int64_t stop) const {
        for (int64_t g = 0; g < plan_.num_groups; g++) {
            const RateGroup &group = plan_.groups[g];
            int64_t from = std::max(start, group.start), to = std::min(stop, group.stop);
            if (from >= to) continue;
            int64_t decayed = std::clamp(plan_.weights_stop, from, to);
            part(moment, group, from, decayed, T(moment.kept));
            part(moment, group, decayed, to, T(1));
        }
    }

    // Of parameters that nothing learns, but that change: their average.
    void average_of(const Moment &moment, int64_t start, int64_t stop) const {
        if (!own_.average) return;
        for_vectors<T>(start, stop, [&](int64_t i, int number) {
            average(i, get<T>(own_.parameters + i, number), T(1 - moment.average_kept), number);
        });
    }

  private:
    const Plan &plan_;
    Own<T> own_;

    void part(const Moment &moment, const RateGroup &group, int64_t from, int64_t to, T kept) const {
        if (from >= to) return;
        if (plan_.is_adam)
            adam(moment, group, from, to, kept);
        else
            descend(moment, group, from, to, kept);
    }

    void average(int64_t i, Vector<T> parameters, T weight, int number) const {
        Vector<T> before = get<T>(own_.average + i, number);
        put<T>(own_.average + i, before + (parameters - before) * weight, number);
    }

    ALONE void adam(const Moment &moment, const RateGroup &group, int64_t from, int64_t to, T kept) const {
        const double bias_1 = 1 - std::pow(plan_.beta_1, double(moment.step));
        // m / (√v / b + ε) = b m / (√v + b ε), which divides once.
        const double bias_2 = std::sqrt(1 - std::pow(plan_.beta_2, double(moment.step)));
        const T size = T(moment.rate * group.rate * bias_2 / bias_1);
        const T epsilon = T(plan_.epsilon * group.epsilon * bias_2);
        const T beta_1 = T(plan_.beta_1), beta_2 = T(plan_.beta_2), shortened = T(moment.shortened);
        const T rest_1 = T(1 - plan_.beta_1), rest_2 = T(1 - plan_.beta_2), weight = T(1 - moment.average_kept);
        for_vectors<T>(from, to, [&](int64_t i, int number) {
            Vector<T> g = get<T>(own_.gradient + i, number) * shortened;
            Vector<T> m = get<T>(own_.first + i, number) * beta_1 + g * rest_1;
            Vector<T> v = get<T>(own_.second + i, number) * beta_2 + g * g * rest_2;
            put<T>(own_.first + i, m, number), put<T>(own_.second + i, v, number);
            Vector<T> p = get<T>(own_.parameters + i, number) * kept;
            p -= size * m / (square_root<T>(v) + epsilon);
            put<T>(own_.parameters + i, p, number);
            if (own_.average) average(i, p, weight, number);
        });
    }

    ALONE void descend(const Moment &moment, const RateGroup &group, int64_t from, int64_t to, T kept) const {
        const T rate = T(moment.rate * group.rate), momentum = T(plan_.momentum), shortened = T(moment.shortened);
        const T weight = T(1 - moment.average_kept);
        for_vectors<T>(from, to, [&](int64_t i, int number) {
            Vector<T> g = get<T>(own_.gradient + i, number) * shortened;
            if (own_.first) {
                g += get<T>(own_.first + i, number) * momentum;
                put<T>(own_.first + i, g, number);
            }
            Vector<T> p = get<T>(own_.parameters + i, number) * kept - g * rate;
            put<T>(own_.parameters + i, p, number);
            if (own_.average) average(i, p, weight, number);
        });
    }
};

}  // namespace NAMESPACE
