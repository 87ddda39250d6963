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

DECLARED(avx512)
DECLARED(avx2)
DECLARED(sse4)

static Step chosen() {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return STEP(avx512);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        return STEP(avx2);
    return STEP(sse4);
}

#else

DECLARED(plain)

static Step chosen() { return STEP(plain); }

#endif

static const Step step = chosen();

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
