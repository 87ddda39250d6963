// Threads that share the rows of a batch meet here once everything of a step is computed.
#pragma once

#include <atomic>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace NAMESPACE {

inline void pause() {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

// Numbers too small for a full mantissa are 0 while a thread trains, as PyTorch's threads have it.
class SmallestAsZero {
  public:
#if defined(__x86_64__)
    SmallestAsZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
    ~SmallestAsZero() { _mm_setcsr(before_); }

  private:
    const unsigned before_;
#endif
};

// All threads wait until the last one is there: a few microseconds awake, then some fifty that they
// offer to whatever else wants to run, then asleep, from where it takes as long to come back.
class Meeting {
  public:
    explicit Meeting(int num_threads) : num_threads_(num_threads) {}

    void wait() {
        if (num_threads_ == 1) return;
        uint32_t round = round_.load(std::memory_order_acquire);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == num_threads_) {
            arrived_.store(0, std::memory_order_relaxed);
            round_.store(round + 1, std::memory_order_release);
            round_.notify_all();
            return;
        }
        for (int look = 0; look < kLooks; look++) {
            if (round_.load(std::memory_order_acquire) != round) return;
            pause();
        }
        for (int offer = 0; offer < kOffers; offer++) {
            if (round_.load(std::memory_order_acquire) != round) return;
            std::this_thread::yield();
        }
        while (round_.load(std::memory_order_acquire) == round) round_.wait(round, std::memory_order_acquire);
    }

  private:
    static constexpr int kLooks = 200, kOffers = 200;
    const int num_threads_;
    std::atomic<int> arrived_{0};
    std::atomic<uint32_t> round_{0};
};

}  // namespace NAMESPACE
