// Vectors of numbers as wide as the instruction set that this file is compiled for has them.
//
// The compiler's own vector types: + - * / and comparisons work element by element, so that the same
// text serves every processor. Instructions are named where a part of a vector is loaded and stored.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

namespace NAMESPACE {

template <class T> struct Lanes;
template <> struct Lanes<float> {
    typedef float Vector __attribute__((vector_size(VECTOR_BYTES)));
    typedef int32_t Whole __attribute__((vector_size(VECTOR_BYTES)));
};
template <> struct Lanes<double> {
    typedef double Vector __attribute__((vector_size(VECTOR_BYTES)));
    typedef int64_t Whole __attribute__((vector_size(VECTOR_BYTES)));
};
template <class T> using Vector = typename Lanes<T>::Vector;
template <class T> using Whole = typename Lanes<T>::Whole;
template <class T> constexpr int kLanes = VECTOR_BYTES / sizeof(T);

template <class T> inline Vector<T> load(const T *from) {
    Vector<T> values;
    std::memcpy(&values, from, sizeof values);
    return values;
}

template <class T> inline void store(T *to, Vector<T> values) { std::memcpy(to, &values, sizeof values); }

template <class T> inline Vector<T> all(T value) { return value - Vector<T>{}; }

// The first `number` of a vector, and 0 for the others.
template <class T> inline Vector<T> load_part(const T *from, int number) {
    Vector<T> values{};
    std::memcpy(&values, from, number * sizeof(T));
    return values;
}

template <class T> inline void store_part(T *to, Vector<T> values, int number) {
    std::memcpy(to, &values, number * sizeof(T));
}

#if VECTOR_BYTES == 64
template <> inline Vector<float> load_part<float>(const float *from, int number) {
    return Vector<float>(_mm512_maskz_loadu_ps(__mmask16((1u << number) - 1), from));
}
template <> inline Vector<double> load_part<double>(const double *from, int number) {
    return Vector<double>(_mm512_maskz_loadu_pd(__mmask8((1u << number) - 1), from));
}
template <> inline void store_part<float>(float *to, Vector<float> values, int number) {
    _mm512_mask_storeu_ps(to, __mmask16((1u << number) - 1), __m512(values));
}
template <> inline void store_part<double>(double *to, Vector<double> values, int number) {
    _mm512_mask_storeu_pd(to, __mmask8((1u << number) - 1), __m512d(values));
}
#endif

// A whole vector where `number` says so, else its first part.
template <class T> inline Vector<T> get(const T *from, int number) {
    return number == kLanes<T> ? load<T>(from) : load_part<T>(from, number);
}

template <class T> inline void put(T *to, Vector<T> values, int number) {
    number == kLanes<T> ? store<T>(to, values) : store_part<T>(to, values, number);
}

// f(place, number of values) of each vector from start up to stop.
template <class T, class F> inline void for_vectors(int64_t start, int64_t stop, F f) {
    int64_t i = start;
    for (; i + kLanes<T> <= stop; i += kLanes<T>) f(i, kLanes<T>);
    if (i < stop) f(i, int(stop - i));
}

template <class T> inline Vector<T> choose(Whole<T> which, Vector<T> yes, Vector<T> no) {
    return which ? yes : no;
}

template <class T> inline Vector<T> larger(Vector<T> a, Vector<T> b) { return a > b ? a : b; }
template <class T> inline Vector<T> smaller(Vector<T> a, Vector<T> b) { return a < b ? a : b; }

template <class T> inline T sum_of(Vector<T> values) {
    T sum = 0;
    for (int lane = 0; lane < kLanes<T>; lane++) sum += values[lane];
    return sum;
}

// f(x) written over n values, whole vectors first.
template <class T, class F> inline void map(const T *from, T *to, int64_t n, F f) {
    int64_t i = 0;
    for (; i + kLanes<T> <= n; i += kLanes<T>) store<T>(to + i, f(load<T>(from + i)));
    if (i < n) store_part<T>(to + i, f(load_part<T>(from + i, n - i)), n - i);
}

// f(x, y) written over the second.
template <class T, class F> inline void map2(const T *x, T *y, int64_t n, F f) {
    int64_t i = 0;
    for (; i + kLanes<T> <= n; i += kLanes<T>) store<T>(y + i, f(load<T>(x + i), load<T>(y + i)));
    if (i < n) store_part<T>(y + i, f(load_part<T>(x + i, n - i), load_part<T>(y + i, n - i)), n - i);
}

}  // namespace NAMESPACE
