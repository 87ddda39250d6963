// Which of the instruction sets that the step was compiled for this processor has.

#include <cstdint>

#define EXPORTED extern "C" __attribute__((visibility("default")))
#define DECLARED(isa)                                                 \
    extern "C" void *multilayer_begin_##isa(const void *, const void *, int64_t); \
    extern "C" void multilayer_run_##isa(void *, const void *, int64_t);          \
    extern "C" void multilayer_answer_##isa(void *, const void *, int64_t);       \
    extern "C" void multilayer_end_##isa(void *, int64_t);

#define STEP(isa) \
    Step{#isa, multilayer_begin_##isa, multilayer_run_##isa, multilayer_answer_##isa, multilayer_end_##isa}

namespace {

struct Step {
    const char *name;
    void *(*begin)(const void *, const void *, int64_t);
    void (*run)(void *, const void *, int64_t);
    void (*answer)(void *, const void *, int64_t);
    void (*end)(void *, int64_t);
};

}  // namespace

#if defined(__x86_64__)

#include <cpuid.h>

DECLARED(avx512)
DECLARED(avx2)
DECLARED(sse4)

// Which registers the operating system keeps for a thread: bits of XCR0.
static uint32_t kept_registers() {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool all_of(uint32_t bits, uint32_t wanted) { return (bits & wanted) == wanted; }

// Not __builtin_cpu_supports: what zig compiles answers no to everything.
static Step chosen() {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !all_of(c, bit_OSXSAVE | bit_AVX | bit_FMA)) return STEP(sse4);
    const uint32_t kept = kept_registers();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !all_of(b, bit_AVX2 | bit_BMI2) || !all_of(kept, 0x6))
        return STEP(sse4);
    const bool has_avx512 = all_of(b, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL);
    return has_avx512 && all_of(kept, 0xe6) ? STEP(avx512) : STEP(avx2);
}

#else

DECLARED(plain)

static Step chosen() { return STEP(plain); }

#endif

static const Step step = chosen();

EXPORTED const char *multilayer_sources() { return SOURCES; }
EXPORTED const char *multilayer_instructions() { return step.name; }
EXPORTED void *multilayer_begin(const void *plan, const void *values, int64_t is_double) {
    return step.begin(plan, values, is_double);
}
EXPORTED void multilayer_run(void *population, const void *batches, int64_t is_double) {
    step.run(population, batches, is_double);
}
EXPORTED void multilayer_answer(void *population, const void *questions, int64_t is_double) {
    step.answer(population, questions, is_double);
}
EXPORTED void multilayer_end(void *population, int64_t is_double) { step.end(population, is_double); }
