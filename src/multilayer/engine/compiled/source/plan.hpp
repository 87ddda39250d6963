// What the engine tells of a training; compiled/plan.py fills the same structures, field by field.
//
// Everything is eight bytes wide, so that no compiler leaves gaps. Places are numbers of values from
// the start of a member's parameters; −1 where there is no such thing.
#pragma once

#include <cstdint>

struct LinearLayer {
    int64_t inputs, outputs, weight, bias, strength;  // the last: of a learned activation
    int64_t gain, mean, variance;                     // of batch norm, whose bias is the layer's
};

struct RateGroup {
    int64_t start, stop;
    double rate, epsilon;
};

struct OneHot {
    int64_t place, size;
    int64_t values;  // where its `absent` begin among the values, and after these its `present`
};

struct Plan {
    int64_t num_members, num_parameters, num_threads, batch_size;
    // Rows as they are given: bytes (0), float32 (1) or float64 (2).
    int64_t row_type, row_width, num_inputs;
    double input_scale;
    int64_t num_one_hots;
    const OneHot *one_hots;
    const double *one_hot_values;
    int64_t shift, deviation;  // of standardized inputs
    // Features of columns: embedded numbers, numbers as they are, embedded categories, statistics.
    int64_t is_embedded, num_features;
    int64_t num_numbers, is_piecewise, num_components, num_mixtures;
    int64_t frequency, phase, number_weight, number_bias, edges;
    int64_t num_passed, num_codes;
    const int64_t *code_sizes;
    int64_t num_tables, category_width;
    const int64_t *table_codes, *tables;  // of each embedded column: which code, where its table begins
    int64_t num_statistics, num_versions, statistics;
    int64_t feature_scale;
    int64_t num_layers, activation;
    const LinearLayer *layers;
    // What is minimised: classes (0), labels (1), squared (2), absolute (3), Huber's (4), quantiles (5),
    // Poisson's (6).
    int64_t loss;
    double label_smoothing;
    int64_t num_quantiles;
    const double *quantiles;
    int64_t is_adam;
    double beta_1, beta_2, epsilon, momentum, max_norm;
    int64_t num_groups, weights_stop;
    const RateGroup *groups;
    int64_t is_averaged, has_dropout;
    double input_dropout;
    const double *dropouts;  // of each member
};

// Tensors of the engine, (num_members, num_parameters) each, that the steps change.
struct Values {
    void *parameters, *gradient, *first_moment, *second_moment, *average;
    uint32_t *generators;  // of each member's masks: 624 words, and the number of those that are used
};

struct Batches {
    const void *inputs, *targets, *weights;  // of all rows; classes are int64
    int64_t num_orders, order_step, num_batches;
    const int64_t *orders;  // row numbers, (num_orders, …); num_orders is 1 or that of members
    const int64_t *sizes;   // of each batch
    // Of each batch: rates and shares that are kept of the weights, (num_batches, num_members); how
    // strong dropout is, and how much of the average stays.
    const double *rates, *kept, *strengths, *average_kept;
    int64_t steps_before;  // Adam's
    void *losses;          // (num_batches, num_members)
};

// Rows to answer, of the same type as those that are trained on.
struct Questions {
    const void *inputs;      // of all rows
    const void *parameters;  // (num_members, num_parameters)
    // Of each member: how many rows, and where its row numbers and its logits begin.
    const int64_t *num_rows, *orders_from, *logits_from;
    const int64_t *orders;
    void *logits;  // num_outputs of each row
};
