// exp, log and their kin for vectors: to 2 units in the last place in both precisions.
#pragma once

#include "vectors.hpp"

namespace NAMESPACE {

template <class T> inline Vector<T> as_vector(Whole<T> bits) {
    Vector<T> values;
    std::memcpy(&values, &bits, sizeof values);
    return values;
}

template <class T> inline Whole<T> as_whole(Vector<T> values) {
    Whole<T> bits;
    std::memcpy(&bits, &values, sizeof bits);
    return bits;
}

template <class T> struct Exp;
template <> struct Exp<float> {
    static constexpr float least = -87.3365447f, most = 88.7228394f, inverse_log2 = 1.44269504f;
    // log 2 in two parts: a whole number times the first is exact.
    static constexpr float log2_high = 0.693359375f, log2_low = -2.12194440e-4f, shift = 12582912.0f;
    static constexpr int mantissa = 23, bias = 127;
};
template <> struct Exp<double> {
    static constexpr double least = -708.396418532264, most = 709.782712893384;
    static constexpr double inverse_log2 = 1.4426950408889634, log2_high = 6.93145751953125e-1;
    static constexpr double log2_low = 1.42860682030941723212e-6, shift = 6755399441055744.0;
    static constexpr int mantissa = 52, bias = 1023;
};

// e^r − 1 for |r| ≤ log(2) / 2, by its series; as many terms as the precision needs.
template <class T> inline Vector<T> small_expm1(Vector<T> r);
template <> inline Vector<float> small_expm1<float>(Vector<float> r) {
    Vector<float> p = all(1.f / 5040);
    for (float c : {1.f / 720, 1.f / 120, 1.f / 24, 1.f / 6, 0.5f}) p = p * r + c;
    return p * (r * r) + r;
}
template <> inline Vector<double> small_expm1<double>(Vector<double> r) {
    Vector<double> p = all(1. / 6227020800.);
    for (double c : {1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880, 1. / 40320, 1. / 5040,
                     1. / 720, 1. / 120, 1. / 24, 1. / 6, 0.5})
        p = p * r + c;
    return p * (r * r) + r;
}

// x = k log 2 + r with a whole k: e^x = 2^k e^r, and e^x − 1 = 2^k (e^r − 1) + (2^k − 1).

template <class T> inline Vector<T> exp(Vector<T> x) {
    typedef Exp<T> E;
    Vector<T> within = larger<T>(smaller<T>(x, all<T>(E::most)), all<T>(E::least));
    Vector<T> shifted = within * E::inverse_log2 + E::shift, k = shifted - E::shift;
    Vector<T> part = (within - k * E::log2_high) - k * E::log2_low;
    Whole<T> whole = as_whole<T>(shifted) - as_whole<T>(all<T>(E::shift));
    Whole<T> is_large = whole > 0;  // −1 where it is: half of the power, twice, since 2^k may have no bits
    Vector<T> power = as_vector<T>((whole + is_large + E::bias) << E::mantissa);
    Vector<T> y = small_expm1<T>(part) * power + power;
    y = is_large ? y + y : y;
    y = x > E::most ? all<T>(INFINITY) : y;
    y = x < E::least ? Vector<T>{} : y;
    return x == x ? y : x;
}

// e^x − 1 for x ≤ 0.
template <class T> inline Vector<T> expm1_of_negative(Vector<T> x) {
    typedef Exp<T> E;
    Vector<T> within = larger<T>(x, all<T>(E::least));
    Vector<T> shifted = within * E::inverse_log2 + E::shift, k = shifted - E::shift;
    Vector<T> part = (within - k * E::log2_high) - k * E::log2_low;
    Whole<T> whole = as_whole<T>(shifted) - as_whole<T>(all<T>(E::shift));
    Vector<T> power = as_vector<T>((whole + E::bias) << E::mantissa);
    Vector<T> y = small_expm1<T>(part) * power + (power - T(1));
    return x == x ? y : x;
}

template <class T> inline Vector<T> sigmoid(Vector<T> x) {
    Vector<T> e = exp<T>(x < T(0) ? x : -x);  // of −|x|, which cannot overflow
    Vector<T> q = T(1) / (T(1) + e);
    return x < T(0) ? e * q : q;
}

template <class T> inline Vector<T> tanh(Vector<T> x) {
    Vector<T> m = expm1_of_negative<T>(x < T(0) ? x + x : -(x + x));
    Vector<T> y = -m / (m + T(2));
    return x < T(0) ? -y : y;
}

// sin and cos, together: of u less a multiple of π/2, by their series; π/2 in three parts.
template <class T> struct Turn;
template <> struct Turn<float> {
    static constexpr float inverse = 0.636619772f, shift = 12582912.0f, most = 8192.0f;
    static constexpr float high = 1.5703125f, middle = 4.837512969970703e-4f, low = 7.549789948768648e-8f;
};
template <> struct Turn<double> {
    static constexpr double inverse = 0.63661977236758134, shift = 6755399441055744.0, most = 1e6;
    static constexpr double high = 1.57079625129699707031, middle = 7.54978941586159635335e-8;
    static constexpr double low = 5.39030285815811905290e-15;
};

template <class T> inline void sine_and_cosine(Vector<T> u, Vector<T> &sine, Vector<T> &cosine) {
    typedef Turn<T> R;
    Vector<T> shifted = u * R::inverse + R::shift, k = shifted - R::shift;
    Whole<T> quarter = as_whole<T>(shifted) - as_whole<T>(all<T>(R::shift));
    Vector<T> r = ((u - k * R::high) - k * R::middle) - k * R::low, q = r * r;
    Vector<T> s, c;
    if constexpr (sizeof(T) == 4) {
        s = all<T>(1.f / 362880), c = all<T>(1.f / 40320);
        for (T one : {-1.f / 5040, 1.f / 120, -1.f / 6}) s = s * q + one;
        for (T one : {-1.f / 720, 1.f / 24, -1.f / 2}) c = c * q + one;
    } else {
        s = all<T>(-1. / 1307674368000.), c = all<T>(1. / 20922789888000.);
        for (T one : {1. / 6227020800., -1. / 39916800, 1. / 362880, -1. / 5040, 1. / 120, -1. / 6}) s = s * q + one;
        for (T one : {-1. / 87178291200., 1. / 479001600, -1. / 3628800, 1. / 40320, -1. / 720, 1. / 24, -1. / 2})
            c = c * q + one;
    }
    s = s * (q * r) + r, c = c * q + T(1);
    Whole<T> is_odd = (quarter & 1) != 0;
    sine = is_odd ? c : s, cosine = is_odd ? s : c;
    sine = (quarter & 2) != 0 ? -sine : sine;
    cosine = ((quarter + 1) & 2) != 0 ? -cosine : cosine;
    // Far from 0 the parts of π/2 are not enough.
    for (int lane = 0; lane < kLanes<T>; lane++)
        if (!(std::abs(u[lane]) <= R::most)) sine[lane] = std::sin(u[lane]), cosine[lane] = std::cos(u[lane]);
}

// A function of the C library, value by value: for what is seldom asked for.
template <class T, class F> inline Vector<T> one_by_one(Vector<T> x, F f) {
    Vector<T> y;
    for (int lane = 0; lane < kLanes<T>; lane++) y[lane] = f(x[lane]);
    return y;
}

}  // namespace NAMESPACE
