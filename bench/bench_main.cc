/* SPDX-License-Identifier: Apache-2.0 */
/* The main program of every benchmark. */
#include "bench.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace {

/*
 * The C library leaves out the atomic instructions of a mutex as long as a process has one thread. Nobody who needs a lease store does, so
 * there is always a second one, asleep.
 */
class Bystander {
      public:
	Bystander() : thread([this] { sleep(); }) {
	}
	~Bystander() {
		{
			const std::lock_guard<std::mutex> guard(mutex);
			done = true;
		}
		changed.notify_one();
		thread.join();
	}

      private:
	void
	sleep() {
		std::unique_lock<std::mutex> lock(mutex);
		changed.wait(lock, [this] { return done; });
	}

	std::mutex mutex;
	std::condition_variable changed;
	bool done = false;
	std::thread thread;
};

} /* namespace */

int
main(int argc, char **argv) {
	const Bystander bystander;
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
		return 1;
	}
	benchmark::RunSpecifiedBenchmarks();
	benchmark::Shutdown();
	return 0;
}
