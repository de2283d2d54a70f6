/* timing.js - when work is done: in the next frame, after the picture, or once the hand rests */
/* SPDX-License-Identifier: MIT */

/* Any number of calls before a frame run `work` once in it. */
export function inFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

/* Runs `work` when calls have stopped for `quiet` ms, and at least every `most` ms while they go on. */
export function whenQuiet(quiet, work, most = Infinity) {
  let timer = null, since = 0;
  const run = () => {
    timer = null;
    work();
  };
  return () => {
    const now = performance.now();
    if (timer === null) since = now;
    clearTimeout(timer);
    timer = setTimeout(run, Math.max(0, Math.min(quiet, since + most - now)));
  };
}

export const reducedMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
