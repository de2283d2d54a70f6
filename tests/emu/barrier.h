/* barrier.h - barriers of a block and of a warp that threads may leave */
/* SPDX-License-Identifier: MIT */
/* Waiting threads acquire what arriving threads release, which is what ThreadSanitizer sees; nothing else
 * here orders kernel code. */
#ifndef ROPEMAP_EMU_BARRIER_H
#define ROPEMAP_EMU_BARRIER_H

#include <atomic>
#include <cstdint>

/* How often a barrier opened or a thread returned: what the watchdog looks at. */
extern std::atomic<uint64_t> emu_progress;

/* The barrier of a block. */
class emu_block_gate {
  public:
    enum result {
        OTHERS_MISSING, /* some thread is still on its way */
        ALL_HERE,       /* every thread that is in waits: the caller must open() */
        NOBODY_LEFT     /* the caller was the last one in */
    };
    void reset(uint32_t threads);
    uint32_t round() const; /* to be read before arrive(), for wait() */
    result arrive();
    result leave();
    void open();
    void wait(uint32_t round) const;

  private:
    static result judge(uint32_t count);

    std::atomic<uint32_t> count_; /* threads that are in << 16 | threads that arrived */
    std::atomic<uint32_t> round_; /* how often it opened */
};

/* The barriers of a warp: lanes may meet under different masks at the same time. */
class emu_lane_barrier {
  public:
    enum { MASKS = 64 }; /* different masks in one launch */

    void reset();                /* before a launch */
    void begin(uint32_t absent); /* before a block: the lanes that the warp lacks */
    void meet(uint32_t mask, uint32_t lane_bit);
    void leave(uint32_t lane_bit);

    /* Lanes of `mask` that took part in the barrier that the caller just passed. */
    uint32_t present(uint32_t mask) const;

  private:
    struct entry {
        std::atomic<uint32_t> mask; /* 0: free */
        std::atomic<uint32_t> arrived;
        std::atomic<uint32_t> round;
    };
    entry &find(uint32_t mask);
    void open_if_complete(entry &at, uint32_t mask);

    std::atomic<uint32_t> left_;
    entry entries_[MASKS];
};

#endif
