/* fiber.h - the threads of a block as fibers of one host thread */
/* SPDX-License-Identifier: MIT */
/*
 * A fiber runs until it waits for a word to change. Every switch is reported to the sanitizers: to
 * ThreadSanitizer each fiber is a thread of its own, and a switch orders nothing.
 */
#ifndef ROPEMAP_EMU_FIBER_H
#define ROPEMAP_EMU_FIBER_H

#include <atomic>
#include <cstdint>

/* Of functions of the emulation that ThreadSanitizer need not look at; and that none need. */
#define NO_TSAN   __attribute__((no_sanitize_thread))
#define UNWATCHED __attribute__((no_sanitize("address", "thread", "undefined")))

/* Number of the running fiber. */
extern uint32_t emu_self;

/* Fibers below `wanted` are there afterwards; each calls `serve`, which never returns. */
void emu_fibers_start(uint32_t wanted, void (*serve)());

/* Wakes the scheduler, which looks again at every word that a fiber waits for; call it after the last change.
 */
void emu_fibers_wake();

/* For fibers alone: others run while the word is `old`. Acquires what the one that changed it released. */
void emu_fiber_wait_while(const std::atomic<uint32_t> &word, uint32_t old);

/* For other threads: waits while the word is `old`, at most so long. False: the time is over. */
bool emu_wait_while(const std::atomic<uint32_t> &word, uint32_t old, long milliseconds);
void emu_wake_all(const std::atomic<uint32_t> &word);

/* Runs each time before a fiber goes on, on no thread that a sanitizer watches. */
void emu_fiber_enters(uint32_t fiber);

#endif
