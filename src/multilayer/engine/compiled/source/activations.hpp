// y = f(z) and f'(z), for vectors; engine/activations.py is their twin.
#pragma once

#include "functions.hpp"

namespace NAMESPACE {

enum ActivationName { relu, leaky_relu, elu, selu, gelu, silu, mish, softplus, tanh_, sigmoid_, identity };

// The distribution function of the normal distribution, and its density.
template <class T> inline Vector<T> normal(Vector<T> z) {
    if constexpr (sizeof(T) == 8)
        return one_by_one<T>(z, [](T one) { return 0.5 * std::erfc(-one * 0.70710678118654752); });
    else {
        // erf by a quotient of polynomials, beyond 4 it is 1 in this precision.
        Vector<T> x = larger<T>(smaller<T>(z * 0.70710678f, all<T>(4)), all<T>(-4)), q = x * x;
        Vector<T> p = all<T>(-2.72614225801306e-10f), d = all<T>(-1.45660718464996e-05f);
        for (T one : {2.77068142495902e-08f, -2.10102402082508e-06f, -5.69250639462346e-05f, -7.34990630326855e-04f,
                      -2.95459980854025e-03f, -1.60960333262415e-02f})
            p = p * q + one;
        for (T one : {-2.13374055278905e-04f, -1.68282697438203e-03f, -7.37332916720468e-03f, -1.42647390514189e-02f})
            d = d * q + one;
        return T(0.5) + T(0.5) * (x * p / d);
    }
}

template <class T> inline Vector<T> exponential_part(Vector<T> z, T scale, T alpha, Vector<T> &slope) {
    Vector<T> low = scale * alpha * expm1_of_negative<T>(z > T(0) ? Vector<T>{} : z);  // NaN too
    slope = z > T(0) ? all<T>(scale) : low + scale * alpha;
    return z > T(0) ? scale * z : low;
}

template <class T, ActivationName name> inline Vector<T> activate(Vector<T> z, Vector<T> &slope) {
    const Vector<T> none{}, one = all<T>(1);
    if constexpr (name == relu) {
        slope = z > T(0) ? one : none;
        return z <= T(0) ? none : z;  // what is not a number stays so
    } else if constexpr (name == leaky_relu) {
        slope = z > T(0) ? one : all<T>(0.01);
        return z * slope;
    } else if constexpr (name == elu) {
        return exponential_part<T>(z, 1, 1, slope);
    } else if constexpr (name == selu) {
        return exponential_part<T>(z, 1.0507009873554805, 1.6732632423543772, slope);
    } else if constexpr (name == gelu) {
        Vector<T> below = normal<T>(z);
        slope = below + z * (T(0.3989422804014327) * exp<T>(T(-0.5) * z * z));
        return z * below;
    } else if constexpr (name == silu) {
        Vector<T> s = sigmoid<T>(z);
        slope = s * (T(1) + z * (T(1) - s));
        return z * s;
    } else if constexpr (name == mish) {
        // With s = σ(z), q = 1 − s the tanh of the softplus is t = s (1 + q) / (1 + q²), and
        // 1 − t² = (2 q / (1 + q²))².
        Vector<T> s = sigmoid<T>(z), q = T(1) - s, factor = T(1) / (T(1) + q * q);
        Vector<T> t = s * (T(1) + q) * factor, p = T(2) * q * factor;
        slope = t + z * s * p * p;
        return z * t;
    } else if constexpr (name == softplus) {
        slope = z > T(20) ? one : sigmoid<T>(z);
        return one_by_one<T>(z, [](T v) { return v > 20 ? v : std::log1p(std::exp(v)); });
    } else if constexpr (name == tanh_) {
        Vector<T> y = tanh<T>(z);
        slope = T(1) - y * y;
        return y;
    } else if constexpr (name == sigmoid_) {
        Vector<T> y = sigmoid<T>(z);
        slope = y * (T(1) - y);
        return y;
    } else {
        slope = one;
        return z;
    }
}

}  // namespace NAMESPACE
