// The entry points that the engine calls. Compiled once for each instruction set, see `NAMESPACE`.

#include <memory>
#include <new>

#include "member.hpp"
#include "team.hpp"

namespace NAMESPACE {

template <class T> class Population {
  public:
    Population(const Plan &plan, const Values &values) : plan_(plan), trained_(plan.num_members) {
        for (int64_t m = 0; m < plan.num_members; m++) {
            auto part = [&](void *tensor) {
                return tensor ? static_cast<T *>(tensor) + m * plan.num_parameters : nullptr;
            };
            Own<T> own{part(values.parameters), part(values.gradient), part(values.first_moment),
                       part(values.second_moment), part(values.average)};
            uint32_t *generator = values.generators ? values.generators + m * 625 : nullptr;
            members_.push_back(std::make_unique<Member<T>>(plan_, m, own, generator, threads_of(m)));
        }
    }

    void run(const Batches &batches) {
        Meeting meeting{int(plan_.num_threads)};
        std::vector<double> squares(plan_.num_threads);
        share([&](int64_t m, int thread, int num_threads) {
            Meeting alone{1};
            const bool is_own = num_threads == 1;  // and not shared with other threads
            train(batches, m, is_own ? 0 : thread, num_threads, is_own ? alone : meeting,
                  squares.data() + (is_own ? thread : 0));
        });
    }

    void answer(const Questions &questions) {
        for (int64_t m = 0; m < plan_.num_members; m++) {
            T *parameters = static_cast<T *>(const_cast<void *>(questions.parameters));
            trained_[m] = members_[m]->take(parameters + m * plan_.num_parameters);
        }
        share([&](int64_t m, int thread, int num_threads) {
            const int64_t num_outputs = plan_.layers[plan_.num_layers - 1].outputs;
            if (num_threads == 1) thread = 0;
            // The same places of each batch, as nobody waits for the others between two.
            const int64_t from = plan_.batch_size * thread / num_threads;
            const int64_t to = plan_.batch_size * (thread + 1) / num_threads;
            for (int64_t first = 0; first < questions.num_rows[m]; first += plan_.batch_size) {
                const int64_t rows = questions.num_rows[m] - first;
                if (rows <= from) break;
                const Part part{questions.orders + questions.orders_from[m] + first, from, std::min(to, rows), rows,
                                thread, nullptr};
                members_[m]->answer(questions.inputs, part, static_cast<T *>(questions.logits) +
                                                                (questions.logits_from[m] + first) * num_outputs);
            }
        });
        for (int64_t m = 0; m < plan_.num_members; m++) members_[m]->take(trained_[m]);
    }

  private:
    const Plan plan_;
    std::vector<std::unique_ptr<Member<T>>> members_;
    std::vector<T *> trained_;  // parameters of each

    // Each thread has as many members of its own; those that are left over are shared by all.
    int64_t members_of_one() const { return plan_.num_members / plan_.num_threads; }
    int threads_of(int64_t member) const {
        return member < members_of_one() * plan_.num_threads ? 1 : int(plan_.num_threads);
    }

    // f(member, thread, num_threads) for every member, by the threads that it has.
    template <class F> void share(F f) {
        auto work = [&](int thread) {
            const SmallestAsZero smallest_as_zero;
            for (int64_t m = thread * members_of_one(); m < (thread + 1) * members_of_one(); m++) f(m, thread, 1);
            for (int64_t m = members_of_one() * plan_.num_threads; m < plan_.num_members; m++)
                f(m, thread, int(plan_.num_threads));
        };
        std::vector<std::thread> others;
        for (int thread = 1; thread < plan_.num_threads; thread++) others.emplace_back(work, thread);
        work(0);
        for (std::thread &other : others) other.join();
    }

    void train(const Batches &batches, int64_t m, int thread, int num_threads, Meeting &meeting, double *squares) {
        Member<T> &member = *members_[m];
        const int64_t *order = batches.orders + (batches.num_orders > 1 ? m : 0) * batches.order_step;
        for (int64_t b = 0; b < batches.num_batches; order += batches.sizes[b++]) {
            const int64_t rows = batches.sizes[b], place = b * plan_.num_members + m;
            if (thread == 0) member.draw_masks(rows, batches.strengths[b]);
            if (has_masks()) meeting.wait();
            member.flow(batches, {order, rows * thread / num_threads, rows * (thread + 1) / num_threads, rows, thread,
                                  &meeting});
            meeting.wait();
            typename Optimizer<T>::Moment moment{batches.rates[place], batches.kept[place], batches.average_kept[b], 1,
                                                 batches.steps_before + b + 1};
            member.learn(moment, rows, thread, num_threads);
            if (thread == 0) static_cast<T *>(batches.losses)[place] = member.all_losses();
            if (plan_.max_norm > 0) {
                meeting.wait();
                squares[thread] = member.squares(thread, num_threads);
                meeting.wait();
                double norm = 0;
                for (int t = 0; t < num_threads; t++) norm += squares[t];
                moment.shortened = std::min(1.0, plan_.max_norm / (std::sqrt(norm) + 1e-6));
                member.step(moment, thread, num_threads);
            }
            meeting.wait();
        }
    }

    bool has_masks() const { return plan_.has_dropout || plan_.input_dropout > 0; }
};

}  // namespace NAMESPACE

#define NAMED_2(name, isa) name##_##isa
#define NAMED_1(name, isa) NAMED_2(name, isa)
#define NAMED(name) NAMED_1(name, NAMESPACE)
#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED void *NAMED(multilayer_begin)(const Plan *plan, const Values *values, int64_t is_double) noexcept {
    try {
        if (is_double) return new NAMESPACE::Population<double>(*plan, *values);
        return new NAMESPACE::Population<float>(*plan, *values);
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

EXPORTED void NAMED(multilayer_run)(void *population, const Batches *batches, int64_t is_double) noexcept {
    if (is_double)
        static_cast<NAMESPACE::Population<double> *>(population)->run(*batches);
    else
        static_cast<NAMESPACE::Population<float> *>(population)->run(*batches);
}

EXPORTED void NAMED(multilayer_answer)(void *population, const Questions *questions, int64_t is_double) noexcept {
    if (is_double)
        static_cast<NAMESPACE::Population<double> *>(population)->answer(*questions);
    else
        static_cast<NAMESPACE::Population<float> *>(population)->answer(*questions);
}

EXPORTED void NAMED(multilayer_end)(void *population, int64_t is_double) noexcept {
    if (is_double)
        delete static_cast<NAMESPACE::Population<double> *>(population);
    else
        delete static_cast<NAMESPACE::Population<float> *>(population);
}
