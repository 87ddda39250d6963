// Trains small populations with threads that share members, for a compiler that looks for data races.
//
// Members divide among the threads, those that are left over are shared: both kinds, with masks,
// clipping, averages, batch norm. It ends with 1 if a loss is not finite.
#define NAMESPACE tested
#include "step.cpp"

#include <cstdio>
#include <random>

namespace {

constexpr int64_t kInputs = 9, kOutputs = 3, kWidth = 17, kRows = 49, kBatches = 5;

bool trains(int64_t num_members, int64_t num_threads, bool is_adam, double max_norm, bool is_normed,
            int64_t batch) {
    const int64_t first = kInputs * kWidth, second = first + kWidth + kWidth;
    const int64_t gain = second + (kWidth + 1) * kOutputs, mean = gain + kWidth, variance = mean + kWidth;
    LinearLayer layers[] = {{kInputs, kWidth, 0, first, first + kWidth, gain, mean, variance},
                            {kWidth, kOutputs, second, second + kWidth * kOutputs, -1, -1, -1, -1}};
    if (!is_normed) layers[0].gain = layers[0].mean = layers[0].variance = -1;
    const int64_t num_parameters = variance + kWidth;
    const RateGroup groups[] = {{0, mean, 1, 1}};
    const std::vector<double> dropouts(num_members, 0.3);
    Plan plan{};
    plan.num_members = num_members, plan.num_parameters = num_parameters, plan.num_threads = num_threads;
    plan.batch_size = batch, plan.row_type = 1, plan.row_width = plan.num_inputs = plan.num_features = kInputs;
    plan.input_scale = 1, plan.feature_scale = plan.shift = plan.deviation = -1;
    plan.num_layers = 2, plan.activation = 5, plan.layers = layers;
    plan.is_adam = is_adam, plan.beta_1 = 0.9, plan.beta_2 = 0.99, plan.epsilon = 1e-8, plan.max_norm = max_norm;
    plan.num_groups = 1, plan.weights_stop = num_parameters, plan.groups = groups;
    plan.is_averaged = plan.has_dropout = 1, plan.input_dropout = 0.1, plan.dropouts = dropouts.data();

    std::mt19937 source(0);
    std::normal_distribution<float> normal;
    auto drawn = [&](int64_t size) {
        std::vector<float> values(size);
        for (float &value : values) value = normal(source);
        return values;
    };
    const std::vector<float> zeros(num_members * num_parameters), inputs = drawn(kRows * kInputs);
    std::vector<float> parameters = drawn(zeros.size()), gradient = zeros, m = zeros, v = zeros;
    for (int64_t member = 0; member < num_members; member++)
        std::fill_n(parameters.begin() + member * num_parameters + variance, kWidth, 1.f);
    std::vector<float> average = parameters;
    std::vector<uint32_t> generators(num_members * 625);
    for (int64_t i = 0; i < int64_t(generators.size()); i++) generators[i] = i % 625 == 624 ? 624 : source();
    std::vector<int64_t> classes(kRows), order(batch * kBatches), sizes(kBatches, batch);
    for (int64_t &one : classes) one = source() % kOutputs;
    for (int64_t &row : order) row = source() % kRows;
    const std::vector<double> rates(kBatches * num_members, 0.01), ones(kBatches * num_members, 1);
    std::vector<float> losses(kBatches * num_members);
    const Values values{parameters.data(), gradient.data(), m.data(), v.data(), average.data(), generators.data()};
    const Batches batches{inputs.data(), classes.data(), nullptr, 1, int64_t(order.size()), kBatches,
                          order.data(), sizes.data(), rates.data(), ones.data(), ones.data(), ones.data(), 0,
                          losses.data()};
    tested::Population<float> population(plan, values);
    for (int call = 0; call < 20; call++) population.run(batches);
    for (float loss : losses)
        if (!std::isfinite(loss)) return false;
    // Rows in whole batches and a smaller one, with other parameters.
    std::vector<int64_t> rows(num_members, kRows), starts(num_members), from(num_members, 0);
    std::vector<int64_t> all(kRows);
    for (int64_t m = 0; m < num_members; m++) starts[m] = m * kRows;
    for (int64_t row = 0; row < kRows; row++) all[row] = row;
    std::vector<float> logits(num_members * kRows * kOutputs);
    const Questions questions{inputs.data(), average.data(), rows.data(), from.data(),
                              starts.data(), all.data(), logits.data()};
    for (int call = 0; call < 20; call++) population.answer(questions);
    for (float logit : logits)
        if (!std::isfinite(logit)) return false;
    return true;
}

}  // namespace

int main() {
    for (int64_t num_members : {1, 2, 3, 5})
        for (int64_t num_threads : {2, 3})
            for (double max_norm : {0.0, 1.0})
                for (bool is_normed : {false, true})
                    for (int64_t batch : {20, 10})  // whose gradients are made in parts, and are not
                        if (!trains(num_members, num_threads, num_members != 2, max_norm, is_normed, batch)) return 1;
    std::puts("trained");
}
