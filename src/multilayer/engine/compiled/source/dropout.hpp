// Masks from the bits that PyTorch's generator would give, so that they are the twin's masks.
#pragma once

#include <algorithm>

#include "vectors.hpp"

namespace NAMESPACE {

// The Mersenne twister (Matsumoto and Nishimura, 1998), with the state that PyTorch's has.
class Twister {
  public:
    explicit Twister(uint32_t *state) : words_(state), used_(state[624]) {}
    void keep() { words_[624] = used_; }
    // As many 64-bit numbers, the first word above the second.
    void fill(uint64_t *to, int64_t number) {
        while (number > 0) {
            if (used_ == kWords) renew();
            const int64_t pairs = std::min<int64_t>(number, (kWords - used_) / 2);
            const uint32_t *from = words_ + used_;
            for (int64_t i = 0; i < pairs; i++) to[i] = uint64_t(tempered(from[2 * i])) << 32 | tempered(from[2 * i + 1]);
            to += pairs, number -= pairs, used_ += uint32_t(2 * pairs);
        }
    }

  private:
    static constexpr uint32_t kWords = 624;  // an even number, of which two are taken at a time
    uint32_t *words_;
    uint32_t used_;

    static uint32_t tempered(uint32_t y) {
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680u;
        y ^= (y << 15) & 0xefc60000u;
        return y ^ (y >> 18);
    }

    static uint32_t mixed(uint32_t one, uint32_t next) {
        uint32_t y = (one & 0x80000000u) | (next & 0x7fffffffu);
        return (y >> 1) ^ ((next & 1) ? 0x9908b0dfu : 0u);
    }

    void renew() {
        int i = 0;
        for (; i < 227; i++) words_[i] = words_[i + 397] ^ mixed(words_[i], words_[i + 1]);
        for (; i < 623; i++) words_[i] = words_[i - 227] ^ mixed(words_[i], words_[i + 1]);
        words_[623] = words_[396] ^ mixed(words_[623], words_[0]);
        used_ = 0;
    }
};

// Which numbers of a mask are kept, and what makes up for the others; see layers/dropout.py.
struct Keep {
    int64_t num_above = 0;
    int least = 0;
    double factor = 1;
    bool is_off = true;
    Keep() = default;
    Keep(double share, double strength, int64_t num_rows) {
        is_off = strength == 0;
        int64_t levels = std::llrint(share * strength * 256 * double(num_rows));  // half to even, as Python
        levels = std::min(levels, 255 * num_rows);
        num_above = levels % num_rows, least = int(levels / num_rows) - 128;
        factor = double(256 * num_rows) / double(256 * num_rows - levels);
    }
    int least_of(int64_t row) const { return least + (row < num_above); }
};

// 0 or the factor, for the numbers of as many values.
template <class T> inline Vector<T> mask(const int8_t *numbers, int least, T factor, int number) {
    Whole<T> wide{};
    if (number == kLanes<T>) {
        typedef int8_t Bytes __attribute__((vector_size(kLanes<T>)));
        Bytes bytes;
        std::memcpy(&bytes, numbers, sizeof bytes);
        wide = __builtin_convertvector(bytes, Whole<T>);
    } else {
        for (int lane = 0; lane < number; lane++) wide[lane] = numbers[lane];
    }
    return wide >= least ? all<T>(factor) : Vector<T>{};
}

}  // namespace NAMESPACE
