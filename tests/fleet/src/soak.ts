/** `npm run test:soak` asks for the long runs; every other run gets the short ones. */
const asked = process.env["SOAK"] === "1";

/** How much of something: bounded in every run, `long` in a soak. */
export function unlessSoaking(usual: number, long: number): number {
  return asked ? long : usual;
}

/** The same draws for the same seed (mulberry32), from 0 to below 1. `SOAK_SEED` names another one than the usual. */
export function seededDraws(seed = Number(process.env["SOAK_SEED"] ?? 20_261_122)): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
