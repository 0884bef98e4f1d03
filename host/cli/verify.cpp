// setun verify: every matrix of a model on a device, integer by integer against the golden model.
#include <fmt/format.h>

#include <array>
#include <functional>

#include "host/base/error.h"
#include "host/cli/command.h"
#include "host/cli/device_options.h"
#include "host/cli/format.h"
#include "host/cli/model_options.h"
#include "host/generate/sampler.h"
#include "host/schedule/lowering.h"
#include "host/schedule/reference.h"
#include "host/schedule/scheduler.h"

namespace setun::cli {
namespace {

/// Activations of one test: what each element is.
struct Pattern {
    const char* name;
    std::function<std::int8_t(SampleRandom&, std::size_t)> element;
};

const std::array<Pattern, 5>& patterns() {
    static const std::array<Pattern, 5> kPatterns{{
        {"random",
         [](SampleRandom& random, std::size_t) { return static_cast<std::int8_t>(random.next() >> 56); }},
        {"all 127", [](SampleRandom&, std::size_t) { return std::int8_t{127}; }},
        {"all -128", [](SampleRandom&, std::size_t) { return std::int8_t{-128}; }},
        {"zeros", [](SampleRandom&, std::size_t) { return std::int8_t{0}; }},
        {"alternating -128, 127",
         [](SampleRandom&, std::size_t i) { return static_cast<std::int8_t>(i % 2 == 0 ? -128 : 127); }},
    }};
    return kPatterns;
}

/// Runs every group with every pattern; the reference works on one group while the device works on the next.
class Sweep {
  public:
    Sweep(Scheduler& scheduler, Device& device, const LoweredModel& lowered, ReferenceEngine& reference,
          std::uint64_t seed)
        : scheduler_(scheduler),
          queue_(scheduler.attach(device)),
          lowered_(lowered),
          reference_(reference),
          random_(seed),
          strand_(scheduler.make_strand()) {}

    Comparison run(const std::function<void(double)>& progress) {
        progress_ = progress;
        scheduler_.dispatch([this] { next(); });
        scheduler_.run();
        if (failure_) {
            std::rethrow_exception(failure_);
        }
        return total_;
    }

  private:
    void next() {
        const std::size_t tests = lowered_.size() * patterns().size();
        if (index_ == tests || failure_ || pending_ >= 4) {
            waiting_ = index_ != tests;
            return;
        }
        progress_(static_cast<double>(index_) / static_cast<double>(tests));
        const std::size_t group = index_ / patterns().size();
        const Pattern& pattern = patterns()[index_ % patterns().size()];
        ++index_;
        auto q = std::make_shared<std::vector<std::int8_t>>(std::size_t{lowered_.group(group).k} *
                                                            lowered_.columns());
        for (std::size_t i = 0; i < q->size(); ++i) {
            (*q)[i] = pattern.element(random_, i);
        }
        auto y = std::make_shared<std::vector<std::int32_t>>(std::size_t{lowered_.group(group).rows} *
                                                             lowered_.columns());
        DeviceJob job;
        job.list_offset = lowered_.list_offset(group, lowered_.columns());
        job.count = lowered_.list_count(group);
        job.before = [this, group, q](Device& device) {
            lowered_.write_activations(device, group, *q, lowered_.columns());
        };
        job.after = [this, group, y](Device& device) { lowered_.read_results(device, group, *y); };
        scheduler_.submit(queue_, std::move(job),
                          [this, group, q, y, &pattern](std::exception_ptr error, const RunResult& result) {
                              if (!error && !result.ok()) {
                                  error = std::make_exception_ptr(CheckError("device: " + result.describe()));
                              }
                              if (error) {
                                  failure_ = error;
                                  return;
                              }
                              compare(group, pattern, q, y);
                              next();
                          });
    }

    void compare(std::size_t group, const Pattern& pattern, std::shared_ptr<std::vector<std::int8_t>> q,
                 std::shared_ptr<std::vector<std::int32_t>> y) {
        auto outcome = std::make_shared<Comparison>();
        ++pending_;
        scheduler_.post(
            strand_,
            [this, group, q, y, outcome] {
                std::vector<std::int32_t> expected(y->size());
                reference_.run(group, *q, lowered_.columns(), expected);
                *outcome = compare_products(lowered_.group(group), lowered_.columns(), *y, expected);
            },
            [this, outcome, &pattern](std::exception_ptr error) {
                --pending_;
                if (error) {
                    failure_ = error;
                    return;
                }
                if (outcome->wrong != 0) {
                    outcome->first += fmt::format(" (activations: {})", pattern.name);
                }
                total_ += *outcome;
                if (waiting_) {
                    waiting_ = false;
                    next();
                }
            });
    }

    Scheduler& scheduler_;
    std::shared_ptr<DeviceQueue> queue_;
    const LoweredModel& lowered_;
    ReferenceEngine& reference_;
    SampleRandom random_;
    Strand strand_;
    std::function<void(double)> progress_;
    std::size_t index_ = 0;
    std::size_t pending_ = 0;
    bool waiting_ = false;
    Comparison total_;
    std::exception_ptr failure_;
};

class VerifyCommand final : public Command {
  public:
    void declare(CLI::App& parent) override {
        CLI::App& app =
            make_app(parent, "verify", "Compare every matrix of a model on a device with the golden model",
                     "setun verify --model models/setun-3.8m.setun --device rtl --memory ideal");
        app.add_option("MODEL", model_.model,
                       "Packed model file, GGUF file or Hugging Face directory [the model in models/, or "
                       "SETUN_MODEL]");
        add_model_options(app, model_, true);
        add_device_options(app, device_);
        app.add_option("--seed", seed_, "Seed of the random activations")->capture_default_str();
        app.add_option("--reference", reference_,
                       "golden: beat by beat; cpu: the processor's kernel, much faster")
            ->capture_default_str();
    }

    int run() override {
        if (reference_ != "golden" && reference_ != "cpu") {
            throw InputError(fmt::format("--reference '{}' is unknown; use golden or cpu", reference_));
        }
        Model model;  // before the device, which reads the weights where they are
        const std::unique_ptr<Device> device = open_device(device_);
        model = load_model(model_, device_.layout());
        const auto groups = product_groups(model);
        const LoweredModel lowered(groups, *device);
        const auto reference = reference_ == "golden" ? make_golden_reference(groups, device->info().tokens)
                                                      : open_cpu_reference(device_, groups);
        Scheduler scheduler;
        scheduler.stop_on_signals();
        Progress progress("verifying");
        const Comparison result =
            Sweep(scheduler, *device, lowered, *reference, seed_).run([&](double share) {
                progress.update(share);
            });
        progress.clear();
        report(result, *device, *reference);
        if (result.wrong != 0) {
            throw CheckError(fmt::format("{} of {} products differ; first: {}", result.wrong, result.products,
                                         result.first));
        }
        return kExitOk;
    }

  private:
    void report(const Comparison& result, const Device& device, const ReferenceEngine& reference) const {
        if (json()) {
            print_json({{"products", result.products},
                        {"mismatches", result.wrong},
                        {"device", device.info().name},
                        {"engine", device.info().engine},
                        {"reference", reference.name()},
                        {"patterns", patterns().size()},
                        {"tokens", device.info().tokens},
                        {"seed", seed_}});
            return;
        }
        fmt::print("{} matrix products with {} activation patterns: {}\n", grouped(result.products),
                   patterns().size(),
                   result.wrong == 0 ? "all integers equal" : grouped(result.wrong) + " differ");
        fmt::print("  {} against {}\n", device.info().engine, reference.name());
    }

    ModelOptions model_;
    DeviceOptions device_;
    std::uint64_t seed_ = 0;
    std::string reference_ = "golden";
};

}  // namespace

std::unique_ptr<Command> make_verify_command() { return std::make_unique<VerifyCommand>(); }

}  // namespace setun::cli
